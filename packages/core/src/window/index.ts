export { chooseRung, isHopeless } from "./choose-rung.ts";
export { endOfWindow, runWindow, type Window, type WindowRun } from "./run-window.ts";
