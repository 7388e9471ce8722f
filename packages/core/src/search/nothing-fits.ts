import { describeConfig, formatBytes, MpoError, type RetrainConfig, type SearchBudget } from "../facts/index.ts";
import { MIB } from "../numerics/index.ts";
import type { CandidateTable } from "./candidate-table.ts";

/** A candidate with its exact bound of memory. */
export interface ExactCandidate {
  readonly candidate: number;
  readonly upper: number;
}

/** The error of a search that found nothing, with the least that would do. */
export function nothingFits(
  table: CandidateTable,
  { memoryBytes, windowMs }: SearchBudget,
  allowed: readonly number[],
  smallest: readonly ExactCandidate[],
): MpoError {
  const configOf = (candidate: number): RetrainConfig =>
    table.config(table.plan(candidate), table.microBatch(candidate));
  const inMemory = [
    ...allowed.filter((candidate) => table.memoryUpper[candidate]! <= memoryBytes),
    ...smallest.filter(({ upper }) => upper <= memoryBytes).map(({ candidate }) => candidate),
  ];
  const stepMsOf = (candidate: number): number => table.stepMsUpper[candidate]!;
  const [fastest] = inMemory.sort((left, right) => stepMsOf(left) - stepMsOf(right));
  if (fastest !== undefined && stepMsOf(fastest) > windowMs) {
    return new MpoError(
      "over-budget",
      `a window of ${formatBudgetMs(windowMs)} for its steps is shorter than one step of any configuration: the fastest that fits the memory may take ${formatBudgetMs(stepMsOf(fastest))} (${describeConfig(configOf(fastest))})`,
      { hint: "Give the window more time, or the search more memory." },
    );
  }
  const [least] = [...smallest].sort((left, right) => left.upper - right.upper);
  if (least === undefined) return new MpoError("invalid-argument", "the policy allows no configuration at all");
  return new MpoError(
    "over-budget",
    `no configuration fits ${formatBytes(memoryBytes)}: the smallest may need ${formatBytes(least.upper, Math.ceil)} (${describeConfig(configOf(least.candidate))})`,
    { hint: `Give --memory ${Math.ceil(least.upper / MIB)}MiB or more, or choose a smaller model.` },
  );
}

function formatBudgetMs(ms: number): string {
  return ms < 1_000 ? `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** Throws `invalid-argument` for a budget that is not one. */
export function checkBudget({ memoryBytes, windowMs }: SearchBudget): void {
  if (!(memoryBytes > 0))
    throw new MpoError("invalid-argument", `memory budget is ${memoryBytes}; expected bytes above 0`);
  if (!(windowMs > 0)) throw new MpoError("invalid-argument", `window is ${windowMs}; expected milliseconds above 0`);
}
