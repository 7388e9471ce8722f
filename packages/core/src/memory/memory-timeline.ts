import { bytesAt, type ChainOp, POOL_THRESHOLD_BYTES, type StepMemoryFacts, WARM_UP_STEPS } from "../facts/index.ts";
import { type Instruction, type PlannedTensor, readsOf, type StepPlan, writesOf } from "../plan/index.ts";
import { PoolAllocator } from "./pool-allocator.ts";

export interface MemoryTimeline {
  /** Bytes in use while `plan.microStep[i]` runs: constant part, live tensors, its outputs and its work space. */
  readonly bytesDuring: readonly number[];
  /** Part of every entry: input batch, optimizer slots and accumulators. */
  readonly constantBytes: number;
  readonly peakBytes: number;
  /** Index into `plan.microStep`. */
  readonly peakInstruction: number;
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
  const inputBytes = bytesAt((plan.tensors[0] as PlannedTensor).bytes, plan.config.microBatch);
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
  let peakInstruction = 0;
  bytesDuring.forEach((bytes, index) => {
    if (bytes > (bytesDuring[peakInstruction] as number)) peakInstruction = index;
  });
  return { bytesDuring, constantBytes, peakBytes: bytesDuring[peakInstruction] ?? constantBytes, peakInstruction };
}

/**
 * Bytes by which a warm process grows when it runs the plan, optimizer state and accumulators included: the same walk,
 * through a model of the allocator's pool, so that what the pool wastes between live tensors counts. A process is warm
 * when it has run the plan `WARM_UP_STEPS` times with one sample; what that left in pool and heap is used again, and does
 * not count.
 */
export function residentGrowth(plan: StepPlan, facts: StepMemoryFacts): number {
  const memory = new PooledMemory();
  const stateBytes = holdState(plan, facts, (bytes) => memory.hold(bytes));
  warmUp(plan, facts, memory);
  const idleBytes = memory.heldBytes;
  memory.forgetPeak();
  walkMemory(plan, facts, plan.config.microBatch, memory);
  return memory.peakBytes - idleBytes + stateBytes + kernelBytes(plan) + feedBytes(plan);
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
  return bytesAt((plan.tensors[INPUT_TENSOR] as PlannedTensor).bytes, plan.config.microBatch);
}

/**
 * Kernels are compiled anew for each micro-batch size: one for each operation and direction that the plan runs. Those for
 * one sample a warm process has.
 */
function kernelBytes(plan: StepPlan): number {
  if (plan.config.microBatch === 1) return 0;
  return plan.microStep.reduce((sum, instruction) => {
    const isFirst = instruction.kind === "backward" || (instruction.kind === "forward" && !instruction.isRecompute);
    return isFirst ? sum + ((plan.chain.ops[instruction.op] as ChainOp).kernelBytes ?? 0) : sum;
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
  #heapBytes = 0;
  #peakBytes = 0;
  #nextHeldId = WORK_ID - 1;

  /** What the pool has touched. */
  get poolBytes(): number {
    return this.#pool.touchedBytes;
  }

  /** Resident between steps. */
  get heldBytes(): number {
    return this.#pool.touchedBytes + this.#heapBytes;
  }

  get peakBytes(): number {
    return this.#peakBytes;
  }

  forgetPeak(): void {
    this.#peakBytes = 0;
  }

  /** Takes what is never given back. */
  hold(bytes: number): void {
    this.take(this.#nextHeldId--, bytes);
  }

  take(id: number, bytes: number): void {
    if (bytes >= POOL_THRESHOLD_BYTES) {
      this.#pool.allocate(id, bytes);
      this.#inPool.add(id);
    } else {
      this.#smallBytes += bytes;
      this.#heapBytes = Math.max(this.#heapBytes, this.#smallBytes);
    }
    this.#notePeak(0);
  }

  allocate(id: number, bytes: number): void {
    this.take(id, bytes);
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
    this.take(WORK_ID, workBytes);
    this.free(WORK_ID, workBytes);
  }

  #notePeak(libraryBytes: number): void {
    this.#peakBytes = Math.max(this.#peakBytes, this.heldBytes + libraryBytes);
  }
}

const WORK_ID = -1;
/** The input batch is the first tensor of every plan; its caller holds it until the step is done. */
const INPUT_TENSOR = 0;

/** What happens to memory along a plan. Ids are tensors'. */
interface MemoryVisitor {
  allocate(id: number, bytes: number): void;
  /** An instruction begins, with work space that is gone before its outputs are there. */
  prepare(workBytes: number): void;
  /** An instruction runs, its outputs there, with this much work space, in the pool or outside it. */
  run(workBytes: number, isOutsidePool: boolean): void;
  free(id: number, bytes: number): void;
}

/** Optimizer slots and accumulators, which are there before the first step; returns their bytes. */
function holdState(plan: StepPlan, facts: StepMemoryFacts, hold: (bytes: number) => void): number {
  const copies = facts.slotsPerParameter + (plan.config.accumulation > 1 ? 1 : 0);
  let stateBytes = 0;
  for (const { id, bytes } of plan.chain.parameters) {
    for (let copy = 0; copy < copies && !plan.frozen[id]; copy++) {
      hold(bytes);
      stateBytes += bytes;
    }
  }
  return stateBytes;
}

/** What a walk asks of a plan again and again, whatever the micro-batch. */
interface PlanAccesses {
  /** Tensors that each instruction reads, and then those that it writes. */
  readonly touched: readonly (readonly number[])[];
  readonly written: readonly (readonly number[])[];
  /** Index of the last instruction that reads each buffer, by the id of the tensor that owns it; -1: nobody does. */
  readonly lastReader: Int32Array;
}

/** A plan is walked at several sizes and by several visitors; its instructions stay the same. */
const KNOWN_ACCESSES = new WeakMap<readonly Instruction[], PlanAccesses>();

function accessesOf({ microStep, tensors }: StepPlan): PlanAccesses {
  const known = KNOWN_ACCESSES.get(microStep);
  if (known !== undefined) return known;
  const lastReader = new Int32Array(tensors.length).fill(-1);
  const written = microStep.map(writesOf);
  const touched = microStep.map((instruction, index) => {
    const reads = readsOf(instruction);
    for (const tensor of reads) lastReader[(tensors[tensor] as PlannedTensor).sharesBufferOf] = index;
    return [...reads, ...(written[index] as readonly number[])];
  });
  const accesses = { touched, written, lastReader };
  KNOWN_ACCESSES.set(microStep, accesses);
  return accesses;
}

/** In `freeAt`: the buffer was never written, or is free already. */
const NOT_HELD = -1;

function walkMemory(plan: StepPlan, facts: StepMemoryFacts, microBatch: number, visitor: MemoryVisitor): void {
  const { touched, written, lastReader } = accessesOf(plan);
  const inputBytes = bytesAt((plan.tensors[INPUT_TENSOR] as PlannedTensor).bytes, microBatch);
  visitor.allocate(INPUT_TENSOR, inputBytes);
  const count = plan.tensors.length;
  const bufferBytes = new Float64Array(count);
  /** Buffer that a tensor really sits in, after taking over another's. */
  const homes = Int32Array.from({ length: count }, (_, tensor) => tensor);
  const home = (tensor: number): number => homes[(plan.tensors[tensor] as PlannedTensor).sharesBufferOf] as number;
  /** Instruction after which a home's buffer is free. */
  const freeAt = new Int32Array(count).fill(NOT_HELD);

  plan.microStep.forEach((instruction, index) => {
    const takenOver = takeOver(plan, instruction, microBatch, (tensor) => {
      const isLast = freeAt[home(tensor)] === index;
      return isLast && (plan.tensors[tensor] as PlannedTensor).role !== "input";
    });
    visitor.prepare(earlyWorkBytes(plan, instruction, microBatch));
    for (const tensor of written[index] as readonly number[]) {
      const { sharesBufferOf, bytes } = plan.tensors[tensor] as PlannedTensor;
      if (sharesBufferOf !== tensor) continue;
      // What nobody reads is free at once.
      const last = Math.max(index, lastReader[tensor] as number);
      if (takenOver !== undefined && takenOver.output === tensor) {
        const taken = home(takenOver.input);
        homes[tensor] = taken;
        freeAt[taken] = last;
      } else {
        const size = bytesAt(bytes, microBatch);
        bufferBytes[tensor] = size;
        freeAt[tensor] = last;
        visitor.allocate(tensor, size);
      }
    }
    visitor.run(workBytes(plan, instruction, facts, microBatch), worksOutsidePool(plan, instruction));
    for (const tensor of touched[index] as readonly number[]) {
      const where = home(tensor);
      const at = freeAt[where] as number;
      if (at === NOT_HELD || at > index) continue;
      freeAt[where] = NOT_HELD;
      visitor.free(where, bufferBytes[where] as number);
    }
  });
  visitor.free(INPUT_TENSOR, inputBytes);
}

/** The output that is written over an input, where the operation may and nobody reads that input again. */
function takeOver(
  plan: StepPlan,
  instruction: Instruction,
  microBatch: number,
  isLastReader: (tensor: number) => boolean,
): { readonly input: number; readonly output: number } | undefined {
  const sameSize = (left: number, right: number): boolean =>
    bytesOf(plan, left, microBatch) === bytesOf(plan, right, microBatch);
  const pick = (inputs: readonly number[], output: number): { input: number; output: number } | undefined => {
    const input = inputs.find((tensor) => isLastReader(tensor) && sameSize(tensor, output));
    return input === undefined ? undefined : { input, output };
  };
  switch (instruction.kind) {
    case "forward": {
      const op = plan.chain.ops[instruction.op] as ChainOp;
      return pick(
        op.forward.overwrites.map((position) => instruction.inputs[position] as number),
        instruction.output,
      );
    }
    case "backward": {
      const op = plan.chain.ops[instruction.op] as ChainOp;
      const output = instruction.inputGradients[0];
      return op.backward.overwritesGradient && output !== undefined ? pick([instruction.gradient], output) : undefined;
    }
    case "addGradients":
      return pick([instruction.left, instruction.right], instruction.sum);
    case "loss":
    case "update":
    case "accumulate":
      return undefined;
  }
}

/** Size of a tensor's whole buffer, which an alias shares with its owner. */
function bytesOf(plan: StepPlan, tensor: number, microBatch: number): number {
  const { sharesBufferOf } = plan.tensors[tensor] as PlannedTensor;
  return bytesAt((plan.tensors[sharesBufferOf] as PlannedTensor).bytes, microBatch);
}

function worksOutsidePool(plan: StepPlan, instruction: Instruction): boolean {
  if (instruction.kind !== "forward" && instruction.kind !== "backward") return false;
  return (plan.chain.ops[instruction.op] as ChainOp).worksOutsidePool ?? false;
}

function earlyWorkBytes(plan: StepPlan, instruction: Instruction, microBatch: number): number {
  if (instruction.kind !== "forward") return 0;
  const early = (plan.chain.ops[instruction.op] as ChainOp).forward.earlyWorkBytes;
  return early === undefined ? 0 : bytesAt(early, microBatch);
}

function workBytes(plan: StepPlan, instruction: Instruction, facts: StepMemoryFacts, microBatch: number): number {
  switch (instruction.kind) {
    case "forward":
      return bytesAt((plan.chain.ops[instruction.op] as ChainOp).forward.workBytes, microBatch);
    case "loss":
      return facts.lossWorkBytesPerSample * microBatch;
    case "backward": {
      const { backward } = plan.chain.ops[instruction.op] as ChainOp;
      const reachesInput = instruction.inputGradients.some((tensor) => tensor !== undefined);
      const trains = instruction.parameterGradients.some((tensor) => tensor !== undefined);
      return Math.max(
        reachesInput ? bytesAt(backward.inputWorkBytes, microBatch) : 0,
        trains ? bytesAt(backward.parameterWorkBytes, microBatch) : 0,
      );
    }
    case "addGradients":
    case "update":
    case "accumulate":
      return 0;
  }
}
