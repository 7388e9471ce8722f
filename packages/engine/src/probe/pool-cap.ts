import { outsidePoolBytes, POOL_SPARE, poolUse, residentGrowth, type StepMemoryFacts, type StepPlan } from "@mpo/core";

/**
 * The hard limit of TensorFlow's allocator under which a planned step may add `growthBytes` to an idle process: its pool
 * holds weights, and what warming up has left, which the idle process has already. Where the plan leaves
 * room, half of it is the heap's: a pool that ends early takes all that it has.
 */
export function poolCapFor(plan: StepPlan, facts: StepMemoryFacts, growthBytes: number): number {
  const { idleBytes, peakBytes } = poolUse(plan, facts);
  const most = idleBytes + Math.max(0, growthBytes - outsidePoolBytes(plan));
  const roomBytes = growthBytes - residentGrowth(plan, facts);
  const spareBytes = POOL_SPARE.bytes + POOL_SPARE.share * peakBytes;
  return Math.ceil(Math.min(most, peakBytes + Math.max(spareBytes, roomBytes / 2)));
}
