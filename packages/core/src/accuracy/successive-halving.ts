import { MpoError } from "../facts/index.ts";

/** Something to try for some steps: a freezing, and a micro-batch where it matters. */
export interface HalvingCandidate {
  readonly key: string;
  readonly msPerStep: number;
  /** Time to start or continue it (loading, judging). */
  readonly setupMs: number;
}

/** One round: the candidates still in, each trained on for `steps` more steps. */
export interface HalvingRound {
  readonly index: number;
  readonly candidates: readonly HalvingCandidate[];
  readonly steps: number;
}

export interface HalvingPlan {
  readonly rounds: number;
  readonly budgetMs: number;
  readonly leastSteps: number;
  /** Candidates that were left out because not even one round of all would have fitted. */
  readonly leftOut: readonly HalvingCandidate[];
  readonly first: HalvingRound;
}

/** Survivors of a round: the better half (Jamieson and Talwalkar 2016 with a halving rate of 2). */
const HALVING_RATE = 2;

/**
 * Plans successive halving under a time budget: all rounds get the same share of it, so that later rounds train fewer
 * candidates for longer. Candidates come in order of promise. Where time is short there are fewer rounds, one at least;
 * where not even that gives each `leastSteps`, candidates at the end are left out: what was never tried is a guess, what
 * was tried for a few steps is not. Throws `over-budget` when not even one candidate fits.
 */
export function planHalving(
  candidates: readonly HalvingCandidate[],
  budgetMs: number,
  leastSteps: number = 2,
): HalvingPlan {
  const [only] = candidates;
  if (only === undefined) throw new MpoError("invalid-argument", "successive halving needs one candidate or more");
  for (let count = candidates.length; count >= 1; count--) {
    const kept = candidates.slice(0, count);
    for (let rounds = roundsOf(count); rounds >= 1; rounds--) {
      const steps = stepsFor(kept, budgetMs / rounds);
      if (steps < leastSteps) continue;
      const first = { index: 0, candidates: kept, steps };
      return { rounds, budgetMs, leastSteps, leftOut: candidates.slice(count), first };
    }
  }
  throw new MpoError(
    "over-budget",
    `${budgetMs} ms is too short to try ${only.key} for ${leastSteps} steps of ${only.msPerStep} ms`,
    { hint: "Give the probe more time." },
  );
}

/**
 * The round after one whose candidates got these scores (higher is better; by key). Undefined when the last is over.
 * A candidate without a score (it ran out of memory, it was stopped) is out. `spentMs` is what the rounds so far really
 * took: what is left is shared among the rounds to come.
 */
export function nextRound(
  plan: HalvingPlan,
  round: HalvingRound,
  scores: ReadonlyMap<string, number>,
  spentMs: number,
): HalvingRound | undefined {
  const index = round.index + 1;
  if (index >= plan.rounds) return undefined;
  const ranked = round.candidates
    .filter(({ key }) => Number.isFinite(scores.get(key)))
    .sort((left, right) => scores.get(right.key)! - scores.get(left.key)!);
  const candidates = ranked.slice(0, Math.max(1, Math.ceil(round.candidates.length / HALVING_RATE)));
  if (candidates.length === 0) return undefined;
  const steps = stepsFor(candidates, (plan.budgetMs - spentMs) / (plan.rounds - index));
  return steps < plan.leastSteps ? undefined : { index, candidates, steps };
}

function roundsOf(candidates: number): number {
  return 1 + Math.ceil(Math.log2(candidates));
}

/** Steps that each candidate gets when they share so much time. */
function stepsFor(candidates: readonly HalvingCandidate[], ms: number): number {
  const setup = candidates.reduce((sum, { setupMs }) => sum + setupMs, 0);
  const perStep = candidates.reduce((sum, { msPerStep }) => sum + msPerStep, 0);
  return Math.max(0, Math.floor((ms - setup) / perStep));
}
