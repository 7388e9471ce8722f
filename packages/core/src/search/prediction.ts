import type { AccuracyModel } from "../accuracy/index.ts";
import type { RetrainConfig } from "../facts/index.ts";
import type { Bounded } from "../numerics/index.ts";
import type { StepPrediction } from "./cost-model.ts";
import type { Prediction } from "./search-result.ts";

/** Steps at most: a count on the wire. */
const MAX_STEPS = 1e9;
/** A week. */
export const MAX_PREDICTED_MS = 604_800_000;

/** What becomes of a config in a window, from what its step takes. Every number is within the bounds of a document. */
export function predictionOf(
  config: RetrainConfig,
  { memoryBytes, stepMs, unknowns }: StepPrediction,
  { accuracy: model, windowMs }: { readonly accuracy: AccuracyModel; readonly windowMs: number },
): Prediction {
  const stepsInWindow = Math.min(MAX_STEPS, Math.floor(windowMs / stepMs.expected));
  const accuracy = model.predict(config.freezing, config.microBatch, stepsInWindow);
  return {
    config,
    memoryBytes: notNegative(memoryBytes),
    stepMs,
    stepsInWindow,
    accuracy: { ...accuracy, steps: Math.round(accuracy.steps) },
    trainingMs: Math.min(MAX_PREDICTED_MS, accuracy.steps * stepMs.expected),
    unknowns: model.isGuess ? [...unknowns, "no accuracy was measured: gains are a guess"] : unknowns,
  };
}

function notNegative({ expected, upper }: Bounded): Bounded {
  const least = Math.max(0, expected);
  return { expected: least, upper: Math.max(least, upper) };
}
