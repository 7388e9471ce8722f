export { AccuracyModel, type AccuracyOptions } from "./accuracy-model.ts";
export {
  type CollapseLimits,
  type CollapseState,
  type CollapseVerdict,
  DEFAULT_COLLAPSE_LIMITS,
  NO_COLLAPSE,
  watchForCollapse,
} from "./collapse-guard.ts";
export { aettaAccuracy, entropy, meanPrediction, type Probabilities, smoothedEstimate } from "./label-free.ts";
export { fitLearningCurve, type GainObservation, type GainPrediction, LearningCurve } from "./learning-curve.ts";
export {
  type HalvingCandidate,
  type HalvingPlan,
  type HalvingRound,
  nextRound,
  planHalving,
} from "./successive-halving.ts";
