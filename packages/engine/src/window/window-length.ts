import type { Prediction } from "@mpo/core";

/** How long a window trains: how many samples, and how many passes. */
export interface WindowLength {
  readonly count: number;
  /** The last may be a part of one. */
  readonly epochs: number;
  readonly steps: number;
}

type WindowPrediction = Pick<Prediction, "config" | "stepMs" | "overheadMs" | "stepsInWindow" | "accuracy">;

/** A step cannot be predicted to take less. */
const LEAST_STEP_MS = 1e-3;

/**
 * How long to train a rung in what is left of a window (default: as long as its steps were predicted for). Undefined: not
 * one step fits.
 *
 * - Never more steps than were predicted to fit, by the search for the whole window and by the step's time for what is
 *   left after the predicted overhead: the time is a promise to the serving program.
 * - Whole epochs, the number nearest to the steps after which training is best stopped, so that each sample counts alike:
 *   an adaptation without labels collapses when it runs on. At least one, even where no gain is expected: a search for the
 *   least memory or time may have chosen such a rung.
 * - Where the window ends before training is best stopped, the last epoch is cut short: what fits is trained.
 * - Where not one epoch fits, one pass over as many samples as there are steps for: fresh samples teach more than the
 *   same ones again.
 */
export function windowLength(
  { config, stepMs, overheadMs, stepsInWindow, accuracy }: WindowPrediction,
  sampleCount: number,
  leftMs: number = Number.POSITIVE_INFINITY,
): WindowLength | undefined {
  const fitting = Math.min(stepsInWindow, Math.floor((leftMs - overheadMs) / Math.max(LEAST_STEP_MS, stepMs.expected)));
  if (fitting < 1) return undefined;
  const stepSize = config.microBatch * config.accumulation;
  const count = Math.min(sampleCount, fitting * stepSize);
  const stepsPerEpoch = Math.ceil(count / stepSize);
  const wanted = Math.max(1, Math.round(accuracy.steps / stepsPerEpoch));
  const steps = accuracy.steps >= fitting ? fitting : Math.min(wanted * stepsPerEpoch, fitting);
  return { count, epochs: Math.ceil(steps / stepsPerEpoch), steps };
}
