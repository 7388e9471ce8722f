import { bytesAt, POOL_THRESHOLD_BYTES, type StepMemoryFacts, WARM_UP_STEPS } from "../facts/index.ts";
import type { StepPlan } from "../plan/index.ts";
import { holdState, INPUT_TENSOR, type MemoryVisitor, walkMemory } from "./memory-walk.ts";
import { PoolAllocator } from "./pool-allocator.ts";

/** No tensor's id: work space. */
const WORK_ID = -1;

/** Bytes by which a warm process grows when it runs a plan, and what of them devices differ in. */
export interface PlannedGrowth {
  /** All of it, optimizer state and accumulators included. */
  readonly growthBytes: number;
  /** Of it: small buffers beyond those of one sample. How much of them finds room in malloc's heap is for each model its own. */
  readonly heapBytes: number;
  /** Of it: compiled kernels. Their size is that of the processor's instructions. */
  readonly kernelBytes: number;
}

/**
 * How a warm process grows when it runs the plan: the same walk, through a model of the allocator's pool, so that what the
 * pool wastes between live tensors counts. A process is warm when it has run the plan `WARM_UP_STEPS` times with one
 * sample; what that left in pool and heap is used again, and does not count.
 */
export function plannedGrowth(plan: StepPlan, facts: StepMemoryFacts): PlannedGrowth {
  const memory = new PooledMemory();
  const stateBytes = holdState(plan, facts, (bytes) => memory.hold(bytes));
  warmUp(plan, facts, memory);
  const idleBytes = memory.heldBytes;
  const { heapBytes } = memory;
  memory.forgetPeak();
  walkMemory(plan, facts, plan.config.microBatch, memory);
  const kernels = kernelBytes(plan);
  return {
    growthBytes: memory.peakBytes - idleBytes + stateBytes + kernels + feedBytes(plan),
    heapBytes: memory.heapBytes - heapBytes,
    kernelBytes: kernels,
  };
}

/** All of `plannedGrowth`, bytes. */
export function residentGrowth(plan: StepPlan, facts: StepMemoryFacts): number {
  return plannedGrowth(plan, facts).growthBytes;
}

/** Bytes of the allocator's pool, as its walk touches them: what a hard limit of the pool counts. */
export interface PoolUse {
  /** Weights, and what warming up has left: a process has these before its growth begins. */
  readonly idleBytes: number;
  /** All of it when the step has run, optimizer state included. */
  readonly peakBytes: number;
}

/** The pool's part of a process that runs the plan's step once it is warm. */
export function poolUse(plan: StepPlan, facts: StepMemoryFacts): PoolUse {
  const memory = new PooledMemory();
  for (const { bytes } of plan.chain.parameters) memory.hold(bytes);
  const weightBytes = memory.poolBytes;
  holdState(plan, facts, (bytes) => memory.hold(bytes));
  const stateBytes = memory.poolBytes - weightBytes;
  warmUp(plan, facts, memory);
  const idleBytes = memory.poolBytes - stateBytes;
  walkMemory(plan, facts, plan.config.microBatch, memory);
  return { idleBytes, peakBytes: memory.poolBytes };
}

/** Part of `residentGrowth` that no limit of the pool counts: compiled kernels, and the micro-batch as it is fed. */
export function outsidePoolBytes(plan: StepPlan): number {
  return kernelBytes(plan) + feedBytes(plan);
}

function warmUp(plan: StepPlan, facts: StepMemoryFacts, memory: MemoryVisitor): void {
  for (let step = 0; step < WARM_UP_STEPS; step++) walkMemory(plan, facts, 1, memory);
}

/** The program that feeds a step has the micro-batch, too: TensorFlow copies what it is fed. */
function feedBytes(plan: StepPlan): number {
  return bytesAt(plan.tensors[INPUT_TENSOR]!.bytes, plan.config.microBatch);
}

/**
 * Kernels are compiled for each micro-batch size: one for each operation and direction that the plan runs. Those for
 * one sample a warm process has.
 */
function kernelBytes(plan: StepPlan): number {
  if (plan.config.microBatch === 1) return 0;
  return plan.microStep.reduce((sum, instruction) => {
    const isFirst = instruction.kind === "backward" || (instruction.kind === "forward" && !instruction.isRecompute);
    return isFirst ? sum + (plan.chain.ops[instruction.op]!.kernelBytes ?? 0) : sum;
  }, 0);
}

/**
 * Resident memory of a process: the pool for large buffers, the heap for small ones, and what libraries take. Neither pool
 * nor heap gives back to the system what it has touched (`workerEnvironment` sees to that).
 */
class PooledMemory implements MemoryVisitor {
  readonly #pool = new PoolAllocator();
  readonly #inPool = new Set<number>();
  #smallBytes = 0;
  /** What malloc's heap has taken. */
  heapBytes = 0;
  #peakBytes = 0;
  #nextHeldId = WORK_ID - 1;

  /** What the pool has touched. */
  get poolBytes(): number {
    return this.#pool.touchedBytes;
  }

  /** Resident between steps. */
  get heldBytes(): number {
    return this.#pool.touchedBytes + this.heapBytes;
  }

  get peakBytes(): number {
    return this.#peakBytes;
  }

  forgetPeak(): void {
    this.#peakBytes = 0;
  }

  /** Takes what is never given back. */
  hold(bytes: number): void {
    this.allocate(this.#nextHeldId--, bytes);
  }

  allocate(id: number, bytes: number): void {
    if (bytes >= POOL_THRESHOLD_BYTES) {
      this.#pool.allocate(id, bytes);
      this.#inPool.add(id);
    } else {
      this.#smallBytes += bytes;
      this.heapBytes = Math.max(this.heapBytes, this.#smallBytes);
    }
    this.#notePeak(0);
  }

  free(id: number, bytes: number): void {
    if (this.#inPool.delete(id)) this.#pool.free(id);
    else this.#smallBytes -= bytes;
  }

  prepare(workBytes: number): void {
    this.run(workBytes, false);
  }

  run(workBytes: number, isOutsidePool: boolean): void {
    if (isOutsidePool) {
      this.#notePeak(workBytes);
      return;
    }
    this.allocate(WORK_ID, workBytes);
    this.free(WORK_ID, workBytes);
  }

  #notePeak(libraryBytes: number): void {
    this.#peakBytes = Math.max(this.#peakBytes, this.heldBytes + libraryBytes);
  }
}
