import { formatBytes } from "@mpo/core";
import type { Resources } from "@mpo/protocol";

/** What the program that serves must keep. Work is refused or stopped where it would not. */
export interface BudgetPolicy {
  /** Memory that stays free whatever happens, bytes. */
  readonly reserveBytes: number;
  /** And at least this share of the machine's memory (or of the group's limit), 0 to 1. */
  readonly reserveShare: number;
  /**
   * Memory that the processes of a retraining take before the first step, bytes, until a probe has measured it. Default: of
   * ResNet-20, 115 MiB of their own and 230 MiB of files that they map, and a little more.
   */
  readonly workerIdleBytes: number;
  /** Work waits above these. What the machine does not report is not held against it. */
  readonly maxMemoryPressurePercent: number;
  readonly maxTemperatureCelsius: number;
  /** Disk that stays free, bytes: a retrained model must find room. */
  readonly minDiskFreeBytes: number;
}

export const DEFAULT_BUDGET_POLICY: BudgetPolicy = {
  reserveBytes: 128 * 2 ** 20,
  reserveShare: 0.1,
  workerIdleBytes: 360 * 2 ** 20,
  maxMemoryPressurePercent: 10,
  maxTemperatureCelsius: 80,
  minDiskFreeBytes: 64 * 2 ** 20,
};

/** Why nothing may run now. */
const BLOCK_REASONS = ["memory", "memory-pressure", "heat", "throttled", "disk", "limits"] as const;
export type BlockReason = (typeof BLOCK_REASONS)[number];

/** What a retraining may take now. */
export interface WorkBudget {
  /** Above the idle worker; 0 when blocked. */
  readonly memoryBytes: number;
  /** Empty: work may begin. */
  readonly blockedBy: readonly BlockReason[];
}

/** What the facts of a machine are that do not change while it runs. */
export interface BudgetFacts {
  readonly totalBytes: number;
  /** What the last probe saw of an idle worker; absent: the policy's guess. */
  readonly workerIdleBytes?: number;
  /** What the owner allows for work with its worker; absent: no limit. */
  readonly limitBytes?: number;
  /** What the document in use leaves free beyond the policy; absent: nothing. */
  readonly reserveBytes?: number;
}

/** Memory that the serving program keeps, bytes. */
function reservedBytes(
  policy: BudgetPolicy,
  resources: Resources,
  { totalBytes, reserveBytes = 0 }: BudgetFacts,
): number {
  const machine = Math.min(totalBytes, resources.memoryLimitBytes ?? totalBytes);
  return Math.max(policy.reserveBytes, policy.reserveShare * machine) + reserveBytes;
}

/** The budget for work that would begin now. */
export function workBudget(policy: BudgetPolicy, resources: Resources, facts: BudgetFacts): WorkBudget {
  const idle = facts.workerIdleBytes ?? policy.workerIdleBytes;
  const reserve = reservedBytes(policy, resources, facts);
  const freeBytes = Math.floor(resources.memoryAvailableBytes - reserve - idle);
  const allowedBytes = Math.floor((facts.limitBytes ?? Number.POSITIVE_INFINITY) - idle);
  const memoryBytes = Math.min(freeBytes, allowedBytes);
  const blockedBy: BlockReason[] = [];
  if (freeBytes <= 0) blockedBy.push("memory");
  if (allowedBytes <= 0) blockedBy.push("limits");
  if ((resources.memoryPressurePercent ?? 0) > policy.maxMemoryPressurePercent) blockedBy.push("memory-pressure");
  if ((resources.temperatureCelsius ?? Number.NEGATIVE_INFINITY) > policy.maxTemperatureCelsius) blockedBy.push("heat");
  if (resources.isThrottled) blockedBy.push("throttled");
  if (resources.diskFreeBytes < policy.minDiskFreeBytes) blockedBy.push("disk");
  return { memoryBytes: blockedBy.length > 0 ? 0 : memoryBytes, blockedBy };
}

/** Share of the reserve that work in progress must leave untouched; below it, the work is ended. */
const EMERGENCY_SHARE = 0.5;
/** Work in progress causes some pressure itself: it is ended at this multiple of the limit for beginning. */
const EMERGENCY_PRESSURE = 3;

/** Why work in progress must end now, in words; undefined: it may continue. */
export function emergency(policy: BudgetPolicy, resources: Resources, facts: BudgetFacts): string | undefined {
  const reserve = reservedBytes(policy, resources, facts);
  if (resources.memoryAvailableBytes < reserve * EMERGENCY_SHARE) {
    return `only ${formatBytes(resources.memoryAvailableBytes)} are free; ${formatBytes(reserve)} are the serving program's`;
  }
  const pressure = resources.memoryPressurePercent ?? 0;
  const most = Math.min(90, policy.maxMemoryPressurePercent * EMERGENCY_PRESSURE);
  return pressure > most ? `memory pressure is ${pressure} %, above ${most} %` : undefined;
}
