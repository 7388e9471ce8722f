import type { SearchBudget } from "@mpo/core";
import type { Inventory, Resources } from "@mpo/protocol";

/** What share of a device a retraining may take where nothing else is set. */
export interface BudgetPolicy {
  /** Share of the device's memory (of its cgroup's limit, where it has one), above 0 to 1. Default 0.75. */
  readonly memoryShare: number;
  /** Wall time of a window, milliseconds. Default 10 minutes. */
  readonly windowMs: number;
}

export const DEFAULT_BUDGET_POLICY: BudgetPolicy = { memoryShare: 0.75, windowMs: 600_000 };

/** A device as far as its budget goes. */
export interface Capacity {
  readonly inventory: Pick<Inventory, "memoryBytes">;
  readonly resources?: Pick<Resources, "memoryLimitBytes"> | undefined;
}

/**
 * What a ladder is searched for: what the device could spend at its best, over the idle worker. A ladder for all that
 * may ever be free has a rung for every moment; the device takes the one that fits now.
 */
export function deviceBudget(
  { inventory, resources }: Capacity,
  idleBytes: number,
  { memoryShare, windowMs }: BudgetPolicy,
): SearchBudget {
  const total = Math.min(inventory.memoryBytes, resources?.memoryLimitBytes ?? Number.POSITIVE_INFINITY);
  return { memoryBytes: Math.max(1, Math.floor(total * memoryShare - idleBytes)), windowMs };
}
