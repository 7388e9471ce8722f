import type { Profile, RetrainConfig, StepSample } from "../facts/index.ts";

/** What a real retraining window was seen to take. */
export interface WindowObservation {
  readonly config: RetrainConfig;
  readonly plannedPeakBytes: number;
  readonly peakBytes: number;
  /** Times of single steps, any number of them. */
  readonly msPerStep: readonly number[];
}

/** Steps that a profile keeps; the oldest go first. */
const MAX_STEP_SAMPLES = 64;

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
