import type { Prediction } from "@mpo/core";

/** With fewer steps measured, the bounds of memory and time are wide. */
const FEW_STEPS = 4;
/** An interval of accuracy that is wider says nothing. */
const WIDE = 0.5;

/** Whether a predicted accuracy says anything. */
export function isTelling({ isGuess, lower, upper }: Prediction["accuracy"]): boolean {
  return !isGuess && upper - lower <= WIDE;
}

/** What to do about a probe that measured too little; undefined: it did not. */
export function probeHint(steps: number, isAccuracyKnown: boolean): string | undefined {
  const again = "too little was measured to predict";
  if (steps < FEW_STEPS) return `hint: ${again} well; probe with a longer --probe-time`;
  return isAccuracyKnown ? undefined : `hint: ${again} accuracy; probe with --dataset and a longer --probe-time`;
}
