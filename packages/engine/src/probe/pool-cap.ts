import {
  HEAP_BYTES,
  outsidePoolBytes,
  planStep,
  type RetrainConfig,
  residentGrowth,
  type StepMemoryFacts,
  type StepPlan,
  warmPoolBytes,
} from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import type { ModelGraph } from "../model/model-graph.ts";

/** Smaller buffers come from malloc, not from TensorFlow's pool (MklCPUAllocator, kSmallAllocationsThreshold). */
const POOL_THRESHOLD_BYTES = 256 * 1024;

/**
 * The hard limit of TensorFlow's allocator under which a config's step may add `growthBytes` to an idle process: its pool
 * holds the weights, and what warming up has left, which the idle process has already; what grows outside the pool must
 * find its place within `growthBytes`, too.
 */
export function poolCapFor(
  graph: ModelGraph,
  config: RetrainConfig,
  facts: StepMemoryFacts,
  growthBytes: number,
): number {
  return poolCapForPlan(graph, planStep(chainOf(graph), config), facts, growthBytes);
}

/** The same for a plan. */
export function poolCapForPlan(graph: ModelGraph, plan: StepPlan, facts: StepMemoryFacts, growthBytes: number): number {
  const chain = chainOf(graph);
  const weightBytes = chain.parameters
    .filter(({ bytes }) => bytes >= POOL_THRESHOLD_BYTES)
    .reduce((sum, { bytes }) => sum + bytes, 0);
  const outsideBytes = outsidePoolBytes(plan);
  const most = Math.max(0, growthBytes - outsideBytes);
  // A pool that ends early takes all the room it has. What the heap may add has its place, as far as the plan leaves one.
  const needed = residentGrowth(plan, facts) - outsideBytes;
  const poolBytes = Math.max(most - HEAP_BYTES, Math.min(most, needed));
  return Math.ceil(weightBytes + warmPoolBytes(plan, facts) + poolBytes);
}
