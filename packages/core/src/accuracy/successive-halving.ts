/** Something to try for some steps: a freezing, and a micro-batch where it matters. */
export interface HalvingCandidate {
  readonly msPerStep: number;
  /** Time to start or continue it (loading, judging). */
  readonly setupMs: number;
}

/** What successive halving needs from its caller. */
export interface HalvingPorts<Candidate> {
  /** Trains on for some steps; gives a score, higher is better. Undefined: it failed, and is out. */
  train(candidate: Candidate, steps: number): Promise<number | undefined>;
  /** What it has really taken until now. */
  spentMs(): number;
}

/** Survivors of a round: the better half (Jamieson and Talwalkar 2016 with a halving rate of 2). */
const HALVING_RATE = 2;
/** What was tried for fewer steps says nothing. */
const LEAST_STEPS = 2;

/**
 * Successive halving under a time budget: all rounds get the same share of it, so that later rounds train fewer
 * candidates for longer; what rounds really took is taken from those to come. Candidates come in order of promise. Where
 * time is short there are fewer rounds, one at least; where not even that gives each `LEAST_STEPS`, candidates at the end
 * are left out: what was never tried is a guess, what was tried for a few steps is not. None is tried where none fits.
 */
export async function successiveHalving<Candidate extends HalvingCandidate>(
  candidates: readonly Candidate[],
  budgetMs: number,
  { train, spentMs }: HalvingPorts<Candidate>,
): Promise<void> {
  let { kept, rounds, steps } = firstRound(candidates, budgetMs);
  while (kept.length > 0 && rounds > 0 && steps >= LEAST_STEPS) {
    const scored: { readonly candidate: Candidate; readonly score: number }[] = [];
    for (const candidate of kept) {
      const score = await train(candidate, steps);
      if (score !== undefined) scored.push({ candidate, score });
    }
    scored.sort((left, right) => right.score - left.score);
    kept = scored.slice(0, Math.ceil(kept.length / HALVING_RATE)).map(({ candidate }) => candidate);
    rounds -= 1;
    steps = stepsFor(kept, (budgetMs - spentMs()) / rounds);
  }
}

function firstRound<Candidate extends HalvingCandidate>(candidates: readonly Candidate[], budgetMs: number) {
  for (let count = candidates.length; count >= 1; count--) {
    const kept = candidates.slice(0, count);
    for (let rounds = 1 + Math.ceil(Math.log2(count)); rounds >= 1; rounds--) {
      const steps = stepsFor(kept, budgetMs / rounds);
      if (steps >= LEAST_STEPS) return { kept, rounds, steps };
    }
  }
  return { kept: [], rounds: 0, steps: 0 };
}

/** Steps that each candidate gets when they share so much time. */
function stepsFor(candidates: readonly HalvingCandidate[], ms: number): number {
  const setup = candidates.reduce((sum, { setupMs }) => sum + setupMs, 0);
  const perStep = candidates.reduce((sum, { msPerStep }) => sum + msPerStep, 0);
  return Math.floor((ms - setup) / perStep);
}
