import { formatBytes, MpoError, type Profile, type SearchBudget, type SearchObjective } from "@mpo/core";

/** A budget as it stands on the command line. */
export interface BudgetOptions {
  /** Bytes that a step may add to the idle process. */
  readonly memory?: number;
  /** Bytes of the whole worker process. */
  readonly memoryTotal?: number;
  /** Milliseconds. */
  readonly window: number;
  readonly objective: SearchObjective;
}

/** The budget of a search. Throws `invalid-argument`, and `over-budget` when not even the idle process fits. */
export function budgetFrom(
  { memory, memoryTotal, window }: Omit<BudgetOptions, "objective">,
  { idleBytes }: Profile,
): SearchBudget {
  if ((memory === undefined) === (memoryTotal === undefined)) {
    throw new MpoError("invalid-argument", "give one of --memory (above idle) and --memory-total (the whole process)");
  }
  const memoryBytes = memory ?? Number(memoryTotal) - idleBytes;
  if (memoryBytes > 0) return { memoryBytes, windowMs: window };
  throw new MpoError(
    "over-budget",
    `--memory-total ${formatBytes(Number(memoryTotal))}: the idle process alone takes ${formatBytes(idleBytes, Math.ceil)}`,
    { hint: "Give it more memory; --memory counts above the idle process." },
  );
}
