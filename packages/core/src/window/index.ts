export { chooseRung, isHopeless } from "./choose-rung.ts";
export type { InfeasibleConfigs } from "./infeasible-configs.ts";
export { endOfWindow, runWindow, type Window, type WindowPorts, type WindowRun, type WindowTry } from "./run-window.ts";
