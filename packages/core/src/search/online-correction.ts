import type { Measured, Profile } from "../facts/index.ts";
import { typical } from "../numerics/index.ts";
import type { CostModel } from "./cost-model.ts";

/** Steps that a profile keeps; the oldest go first. */
export const MAX_STEP_SAMPLES = 64;

/**
 * Feeds a real window back. The new sample joins the profile's and counts more than older ones, so that the next fit of
 * scale and offset is the one that recursive least squares with a forgetting factor would arrive at; its residual joins
 * those that bounds are made of.
 */
export function observe(profile: Profile, window: Measured): Profile {
  return { ...profile, steps: [...profile.steps, window].slice(-MAX_STEP_SAMPLES) };
}

/** Spend probes where the error passes this (nn-Meter's rule). */
const DRIFT_ERROR = 0.1;

/**
 * True when all of the last windows were off by more than 10 % in the same direction, in memory or in time: the device
 * is no longer what was probed.
 */
export function hasDrifted(model: CostModel, windows: readonly Measured[], count: number = 3): boolean {
  const recent = windows.slice(-count);
  if (recent.length < count) return false;
  const errors = recent.map((window) => {
    const predicted = model.predict(window.config);
    // Where memory was not read, nothing of it has changed.
    const peakBytes = window.peakBytes ?? predicted.memoryBytes.expected;
    return {
      memory: peakBytes / predicted.memoryBytes.expected - 1,
      time: typical(window.stepMs) / predicted.stepMs.expected - 1,
    };
  });
  const allPast = (values: readonly number[]): boolean =>
    values.every((error) => error > DRIFT_ERROR) || values.every((error) => error < -DRIFT_ERROR);
  return allPast(errors.map(({ memory }) => memory)) || allPast(errors.map(({ time }) => time));
}
