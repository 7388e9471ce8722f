import type { Prediction, SearchBudget, SearchObjective } from "../facts/index.ts";

/**
 * What cut a candidate: the policy; its upper bound of memory; the upper bound of its step; something no worse in memory,
 * time and accuracy; or, for one that would have been chosen, its memory once it was planned exactly.
 */
export const CUT_REASONS = ["policy", "memory", "window", "dominated", "exact-memory"] as const;
export type CutReason = (typeof CUT_REASONS)[number];

/** Why a candidate is not in the front. */
export interface Cut {
  readonly reason: CutReason;
  /** In words, with the numbers. */
  readonly because: string;
}

export interface SearchResult {
  readonly best: Prediction;
  /** The next best after it that differs in more than its checkpoints; undefined if none does. */
  readonly runnerUp: Prediction | undefined;
  /** Cheapest memory first, each better for the objective than all before it. `best` is the last. */
  readonly ladder: readonly Prediction[];
  readonly budget: SearchBudget;
  readonly objective: SearchObjective;
  readonly candidates: number;
  readonly front: number;
  readonly cuts: Readonly<Record<CutReason, number>>;
  /** Calls with every candidate, its prediction and what cut it (undefined: in the front). For pictures and tables. */
  readonly forEach: (visit: (prediction: Prediction, cut: Cut | undefined) => void) => void;
}
