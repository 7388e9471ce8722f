import type { SearchObjective } from "../facts/index.ts";
import type { CandidateTable } from "./candidate-table.ts";
import { SAME_ACCURACY } from "./ladder.ts";

/** Accuracy that "nearly the best" may miss. */
export const TOLERANCE = 0.01;

export interface RankingRule {
  readonly objective: SearchObjective;
  /** Accuracy that each candidate gains by the end of the window. */
  readonly gain: Float64Array;
}

/** Candidates, best for the objective first. */
export function rankedCandidates(
  table: CandidateTable,
  front: readonly number[],
  { objective, gain }: RankingRule,
): readonly number[] {
  const { stepMsExpected, memoryExpected } = table;
  const byTime = (left: number, right: number): number => stepMsExpected[left]! - stepMsExpected[right]!;
  const most = front.reduce((best, candidate) => Math.max(best, gain[candidate]!), Number.NEGATIVE_INFINITY);
  const target = most - TOLERANCE;
  const enough = front.filter((candidate) => gain[candidate]! >= target);
  const rest = front.filter((candidate) => gain[candidate]! < target);
  const byGain = (left: number, right: number): number => {
    const steps = Math.floor(gain[right]! / SAME_ACCURACY) - Math.floor(gain[left]! / SAME_ACCURACY);
    return steps !== 0 ? steps : byTime(left, right);
  };
  if (objective === "accuracy") return [...enough.sort(byGain), ...rest.sort(byGain)];
  const score =
    objective === "memory"
      ? (candidate: number): number => memoryExpected[candidate]!
      : (candidate: number): number => table.curve(candidate).stepsToReach(target) * stepMsExpected[candidate]!;
  const scores = new Map(enough.map((candidate) => [candidate, score(candidate)]));
  enough.sort((left, right) => {
    const byScore = scores.get(left)! - scores.get(right)!;
    return byScore !== 0 && !Number.isNaN(byScore) ? byScore : byTime(left, right);
  });
  return [...enough, ...rest.sort(byGain)];
}
