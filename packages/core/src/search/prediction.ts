import type { AccuracyModel } from "../accuracy/index.ts";
import { MAX_COUNT, MAX_MS, type Prediction, type RetrainConfig } from "../facts/index.ts";
import type { StepPrediction } from "./cost-model.ts";

export interface WindowFacts {
  readonly accuracy: AccuracyModel;
  readonly windowMs: number;
  /** Part of the window that is not for its steps. */
  readonly overheadMs: number;
}

/** What becomes of a config in a window, from what its step takes. */
export function predictionOf(
  config: RetrainConfig,
  { memoryBytes, stepMs, unknowns }: StepPrediction,
  { accuracy: model, windowMs, overheadMs }: WindowFacts,
): Prediction {
  const stepsInWindow = Math.min(MAX_COUNT, Math.floor(Math.min(MAX_MS, windowMs - overheadMs) / stepMs.expected));
  const accuracy = model.predict(config.freezing, config.microBatch, stepsInWindow);
  return {
    config,
    memoryBytes,
    stepMs,
    overheadMs,
    stepsInWindow,
    accuracy,
    trainingMs: accuracy.steps * stepMs.expected,
    unknowns: model.isGuess ? [...unknowns, "no accuracy was measured: gains are a guess"] : unknowns,
  };
}
