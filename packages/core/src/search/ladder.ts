import type { Prediction, SearchObjective } from "../facts/index.ts";

/** Of a ladder, at most. */
export const MAX_RUNGS = 6;
/** Accuracies this close are the same: the faster config wins. */
export const SAME_ACCURACY = 0.001;
/** A rung of the same accuracy is worth its memory if a step is this much faster than on the rung below. */
const WORTHWHILE_SPEED_UP = 0.9;

/** A member of a front, as the ladder looks at it. */
export interface RungCandidate {
  readonly candidate: number;
  readonly memoryBytes: number;
  readonly stepMs: number;
  readonly gain: number;
}

/**
 * Rungs from the least memory up: each gains on all below it for the objective (accuracy, or as much and faster; for the
 * time objective, faster). `front` comes by rising memory. At most `maxRungs`, spread over the memory that they need; the
 * smallest stays, so that a device can keep training with next to nothing.
 */
export function chooseRungs(
  front: readonly RungCandidate[],
  objective: SearchObjective,
  maxRungs: number,
): readonly RungCandidate[] {
  const rungs: RungCandidate[] = [];
  let gained = Number.NEGATIVE_INFINITY;
  let fastest = Number.POSITIVE_INFINITY;
  for (const candidate of front) {
    const { gain, stepMs } = candidate;
    const isFaster = stepMs < fastest * WORTHWHILE_SPEED_UP;
    const isBetter = objective === "time" ? isFaster : gain > gained + SAME_ACCURACY || (gain >= gained && isFaster);
    if (!isBetter) continue;
    gained = Math.max(gained, gain);
    fastest = Math.min(fastest, stepMs);
    rungs.push(candidate);
  }
  return thinned(rungs, maxRungs);
}

/** Rungs with their exact memory, cheapest first, below the best; those that turn out no cheaper are left out. */
export function orderedLadder<Rung extends Prediction>(below: readonly Rung[], best: Rung): readonly Rung[] {
  const cheaper = below
    .filter(({ memoryBytes }) => memoryBytes.upper < best.memoryBytes.upper)
    .sort((left, right) => left.memoryBytes.upper - right.memoryBytes.upper);
  return [...cheaper, best];
}

/** At most `count`, spread evenly over the logarithm of their memory; the first stays. */
function thinned(rungs: readonly RungCandidate[], count: number): readonly RungCandidate[] {
  if (rungs.length <= count) return rungs;
  if (count <= 0) return [];
  const first = Math.log(rungs[0]!.memoryBytes);
  const last = Math.log(rungs[rungs.length - 1]!.memoryBytes);
  const kept: RungCandidate[] = [];
  for (const rung of rungs) {
    const position = ((Math.log(rung.memoryBytes) - first) / (last - first || 1)) * (count - 1);
    if (position >= kept.length - 1e-9 && kept.length < count) kept.push(rung);
  }
  return kept;
}
