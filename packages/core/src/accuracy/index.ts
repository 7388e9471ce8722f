export { AccuracyModel, judgedInterval } from "./accuracy-model.ts";
export { entropy, labelFreeAccuracy } from "./label-free.ts";
export { LearningCurve } from "./learning-curve.ts";
export { type HalvingCandidate, successiveHalving } from "./successive-halving.ts";
