import type { Prediction } from "@mpo/core";

/** How long a retraining runs: so many of the samples, so many times. */
export interface WindowLength {
  readonly count: number;
  readonly epochs: number;
  readonly steps: number;
}

/**
 * The whole epochs nearest to the steps after which a config is best stopped, and no more than fit its window. Where the
 * window is shorter than one pass over the samples, as many samples as it has steps for.
 */
export function windowLength(
  { config, stepsInWindow, accuracy }: Pick<Prediction, "config" | "stepsInWindow" | "accuracy">,
  sampleCount: number,
): WindowLength {
  const stepSize = config.microBatch * config.accumulation;
  const count = Math.min(sampleCount, stepsInWindow * stepSize);
  const stepsPerEpoch = Math.ceil(count / stepSize);
  const wanted = Math.max(1, Math.round(accuracy.steps / stepsPerEpoch));
  const epochs = Math.min(wanted, Math.max(1, Math.floor(stepsInWindow / stepsPerEpoch)));
  return { count, epochs, steps: epochs * stepsPerEpoch };
}
