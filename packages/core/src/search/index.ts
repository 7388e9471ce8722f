export { chooseLayers, type LayersCost } from "./choose-layers.ts";
export { CostModel, type StepPrediction } from "./cost-model.ts";
export { type MethodPlanners, plannersOf, searchPlanners } from "./method-planners.ts";
export { observe } from "./online-correction.ts";
export { Planner, plannerOf } from "./planner.ts";
export type { MethodPrediction, MethodSearch } from "./search-methods.ts";
export { CUT_REASONS, type Cut, type CutReason, type SearchResult } from "./search-result.ts";
export { windowOverheadMs } from "./window-overhead.ts";
