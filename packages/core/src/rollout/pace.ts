import type { DeviceProgress, Pace } from "./rollout-state.ts";
import type { RateSpec } from "./spec.ts";

const MINUTE_MS = 60_000;
/** Turns that could not be used are not kept for longer than this: nobody is changed in bursts. */
const KEPT_MS = 2_000;

/** A device's turn by the rate: the pace after it, or undefined when it is not yet due. */
export function takeTurn(rate: RateSpec | undefined, pace: Pace, nowMs: number): Pace | undefined {
  const given = pace.given + 1;
  if (rate === undefined) return { nextAtMs: nowMs, given };
  if (pace.nextAtMs > nowMs) return undefined;
  const from = Math.max(pace.nextAtMs, nowMs - KEPT_MS);
  return { nextAtMs: from + MINUTE_MS / perMinuteOf(rate, pace.given), given };
}

/** Devices a minute after some have been changed: constant, or growing by a factor with every so many. */
export function perMinuteOf({ perMinute, factor = 1, every = 1 }: RateSpec, given: number): number {
  return perMinute * factor ** Math.min(64, Math.floor(given / every));
}

/** Devices that are changed before the first of them has answered: each is some calls to a coordinator, all at once. */
const MOST_UNANSWERED = 500;
/** Who has not answered for so long may take hours, and does not hold up others. */
const ANSWER_MS = MINUTE_MS;

/** How many more devices may be given something now, whatever the rate. A coordinator that is slow is given time so. */
export function roomForAnswers(
  devices: readonly DeviceProgress[],
  busy: "in-progress" | "rolling-back",
  nowMs: number,
): number {
  return MOST_UNANSWERED - devices.filter(({ state, sinceMs }) => state === busy && nowMs - sinceMs < ANSWER_MS).length;
}
