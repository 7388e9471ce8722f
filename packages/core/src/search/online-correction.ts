import { given, type Measured, type Profile } from "../facts/index.ts";

/** Steps that a profile keeps; the oldest go first. */
const MAX_STEP_SAMPLES = 64;

/**
 * Feeds a real window back. The new sample joins the profile's and counts more than older ones, so that the next fit of
 * scale and offset is the one that recursive least squares with a forgetting factor would arrive at; its residual joins
 * those that bounds are made of. A window of another method than the profile's own says so: its memory is read by what
 * that one adds, and the device's law of memory and of time is one for all.
 */
export function observe(profile: Profile, window: Measured): Profile {
  const { method, ...step } = window;
  const isOwn = method === undefined || method === profile.method.loss;
  const steps = [...profile.steps, { ...step, ...given({ method: isOwn ? undefined : method }) }];
  return { ...profile, steps: steps.slice(-MAX_STEP_SAMPLES) };
}
