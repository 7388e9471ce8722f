export { chooseRung, isHopeless } from "./choose-rung.ts";
export type { InfeasibleConfigs } from "./infeasible-configs.ts";
export { endOfWindow, runWindow, type WindowRun } from "./run-window.ts";
