import type { Measured, Profile } from "../facts/index.ts";

/** Steps that a profile keeps; the oldest go first. */
const MAX_STEP_SAMPLES = 64;

/**
 * Feeds a real window back. The new sample joins the profile's and counts more than older ones, so that the next fit of
 * scale and offset is the one that recursive least squares with a forgetting factor would arrive at; its residual joins
 * those that bounds are made of.
 */
export function observe(profile: Profile, window: Measured): Profile {
  return { ...profile, steps: [...profile.steps, window].slice(-MAX_STEP_SAMPLES) };
}
