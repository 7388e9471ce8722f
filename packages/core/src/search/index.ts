export { CostModel, type StepPrediction } from "./cost-model.ts";
export { rungFor } from "./ladder.ts";
export { hasDrifted, MAX_STEP_SAMPLES, observe } from "./online-correction.ts";
export { type CataloguePlan, PlanCatalogue } from "./plan-catalogue.ts";
export { Planner, plannerOf } from "./planner.ts";
export { CUT_REASONS, type Cut, type CutReason, type SearchResult } from "./search-result.ts";
