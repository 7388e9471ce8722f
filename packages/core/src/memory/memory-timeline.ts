import { bytesAt, type StepMemoryFacts } from "../facts/index.ts";
import type { StepPlan } from "../plan/index.ts";
import { holdState, INPUT_TENSOR, walkMemory } from "./memory-walk.ts";

export interface MemoryTimeline {
  /** Bytes in use while `plan.microStep[i]` runs: constant part, live tensors, its outputs and its work space. */
  readonly bytesDuring: readonly number[];
  /** Part of every entry: input batch, optimizer slots and accumulators. */
  readonly constantBytes: number;
  readonly peakBytes: number;
}

/**
 * Walks a plan and adds up what is in memory during each instruction, in bytes above the idle process (weights are
 * loaded when it idles). A buffer lives from the instruction that writes it to its last reader; an operation that may
 * write over an input does so when it is that buffer's last reader.
 */
export function memoryTimeline(plan: StepPlan, facts: StepMemoryFacts): MemoryTimeline {
  const bytesDuring: number[] = [];
  let liveBytes = 0;
  let earlyBytes = 0;
  const inputBytes = bytesAt(plan.tensors[0]!.bytes, plan.config.microBatch);
  const constantBytes = inputBytes + holdState(plan, facts, () => undefined);
  walkMemory(plan, facts, plan.config.microBatch, {
    allocate: (id, bytes) => {
      if (id !== INPUT_TENSOR) liveBytes += bytes;
    },
    prepare: (workBytes) => {
      earlyBytes = liveBytes + workBytes;
    },
    run: (workBytes) => bytesDuring.push(constantBytes + Math.max(earlyBytes, liveBytes + workBytes)),
    free: (id, bytes) => {
      if (id !== INPUT_TENSOR) liveBytes -= bytes;
    },
  });
  const peakBytes = bytesDuring.reduce((most, bytes) => Math.max(most, bytes), constantBytes);
  return { bytesDuring, constantBytes, peakBytes };
}
