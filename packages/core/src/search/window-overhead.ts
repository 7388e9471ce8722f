import type { Profile } from "../facts/index.ts";
import { median } from "../numerics/index.ts";

/** Where no window was seen: what a window does outside its steps, and steps that a busy machine makes longer. */
const PRIOR_SHARE = 0.3;
/** Windows that are looked at, the newest. */
const WINDOWS = 5;
/** Whatever was seen: something of a window is for its steps. */
const MOST_SHARE = 0.9;

/**
 * Time of a window outside its steps: starting the worker, loading, labelling, judging twice, writing. As seen
 * in the newest windows of a profile; where there was none, a share of the window.
 */
export function windowOverheadMs({ steps }: Pick<Profile, "steps">, windowMs: number): number {
  const seen = steps.flatMap(({ overheadMs }) => overheadMs ?? []).slice(-WINDOWS);
  return Math.min(MOST_SHARE * windowMs, seen.length === 0 ? PRIOR_SHARE * windowMs : median(seen));
}
