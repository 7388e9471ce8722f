import type { Profile, RetrainConfig, StepSample } from "../facts/index.ts";
import { typical } from "../numerics/index.ts";
import type { CostModel } from "./cost-model.ts";

/** What a real retraining window was seen to take. */
export interface WindowObservation {
  readonly config: RetrainConfig;
  readonly plannedPeakBytes: number;
  readonly peakBytes: number;
  /** Times of single steps, any number of them. */
  readonly msPerStep: readonly number[];
}

/** Steps that a profile keeps; the oldest go first. */
export const MAX_STEP_SAMPLES = 64;

/**
 * Feeds a real window back. The new sample joins the profile's and counts more than older ones, so that the next fit of
 * scale and offset is the one that recursive least squares with a forgetting factor would arrive at; its residual joins
 * those that bounds are made of.
 */
export function observe(profile: Profile, window: WindowObservation): Profile {
  const sample: StepSample = {
    config: window.config,
    plannedPeakBytes: window.plannedPeakBytes,
    measuredPeakBytes: window.peakBytes,
    msPerStep: window.msPerStep,
  };
  return { ...profile, steps: [...profile.steps, sample].slice(-MAX_STEP_SAMPLES) };
}

/** Spend probes where the error passes this (nn-Meter's rule). */
const DRIFT_ERROR = 0.1;

/**
 * True when all of the last windows were off by more than 10 % in the same direction, in memory or in time: the device
 * is no longer what was probed.
 */
export function hasDrifted(model: CostModel, windows: readonly WindowObservation[], count: number = 3): boolean {
  const recent = windows.slice(-count);
  if (recent.length < count) return false;
  const errors = recent.map(({ config, peakBytes, msPerStep }) => {
    const { memoryBytes, stepMs } = model.predict(config);
    return { memory: peakBytes / memoryBytes.expected - 1, time: typical(msPerStep) / stepMs.expected - 1 };
  });
  const allPast = (values: readonly number[]): boolean =>
    values.every((error) => error > DRIFT_ERROR) || values.every((error) => error < -DRIFT_ERROR);
  return allPast(errors.map(({ memory }) => memory)) || allPast(errors.map(({ time }) => time));
}
