import {
  HEAP_BYTES,
  outsidePoolBytes,
  planStep,
  poolUse,
  type RetrainConfig,
  residentGrowth,
  type StepMemoryFacts,
  type StepPlan,
} from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import type { ModelGraph } from "../model/model-graph.ts";

/**
 * What a pool must have beyond the plan's walk: TensorFlow takes buffers in an order that is a little different, and gaps
 * are then others. Steps of MobileNet-v2 needed up to half a megabyte more, of ResNet-50 1.5 %, of ResNet-20 with equal
 * segments 5 %.
 */
const SPARE_BYTES = 1024 * 1024;
const SPARE_SHARE = 0.06;

/**
 * The hard limit of TensorFlow's allocator under which a config's step may add `growthBytes` to an idle process: its pool
 * holds weights, and what warming up has left, which the idle process has already. Where the plan leaves room, what the
 * heap usually adds finds its place within `growthBytes`, too: a pool that ends early takes all that it has.
 */
export function poolCapFor(
  graph: ModelGraph,
  config: RetrainConfig,
  facts: StepMemoryFacts,
  growthBytes: number,
): number {
  return poolCapForPlan(planStep(chainOf(graph), config), facts, growthBytes);
}

/** The same for a plan. */
export function poolCapForPlan(plan: StepPlan, facts: StepMemoryFacts, growthBytes: number): number {
  const { idleBytes, peakBytes } = poolUse(plan, facts);
  const most = idleBytes + Math.max(0, growthBytes - outsidePoolBytes(plan));
  const roomBytes = growthBytes - residentGrowth(plan, facts) - HEAP_BYTES / 2;
  const spareBytes = SPARE_BYTES + SPARE_SHARE * peakBytes;
  return Math.ceil(Math.min(most, peakBytes + Math.max(spareBytes, roomBytes)));
}
