export { CostModel, type StepPrediction } from "./cost-model.ts";
export { observe } from "./online-correction.ts";
export { PlanCatalogue } from "./plan-catalogue.ts";
export { Planner, plannerOf } from "./planner.ts";
export { MAX_PREDICTED_MS } from "./prediction.ts";
export {
  CUT_REASONS,
  type Cut,
  type CutReason,
  type Prediction,
  SEARCH_OBJECTIVES,
  type SearchBudget,
  type SearchObjective,
  type SearchResult,
} from "./search-result.ts";
