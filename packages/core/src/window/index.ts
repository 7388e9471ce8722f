export { chooseRung, isHopeless } from "./choose-rung.ts";
export { endOfWindow, runWindow, type WindowRun } from "./run-window.ts";
