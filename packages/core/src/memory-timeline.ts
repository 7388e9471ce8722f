import { bytesAt } from "./affine-bytes.ts";
import type { ChainOp } from "./chain.ts";
import { POOL_THRESHOLD_BYTES, PoolAllocator } from "./pool-allocator.ts";
import { type Instruction, type PlannedTensor, readsOf, type StepPlan, writesOf } from "./step-plan.ts";

/** Memory that is there for the whole step, besides the weights: known to the optimizer and to the loss, not the plan. */
export interface StepMemoryFacts {
  /** Optimizer state for each parameter byte that trains: SGD 0, momentum 1, Adam 2. */
  readonly slotsPerParameter: number;
  /** Bytes that the loss holds while it runs, for each sample. */
  readonly lossWorkBytesPerSample: number;
}

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
  let constantBytes = 0;
  walkMemory(plan, facts, {
    hold: (_id, bytes) => {
      constantBytes += bytes;
    },
    allocate: (_id, bytes) => {
      liveBytes += bytes;
    },
    run: (workBytes) => bytesDuring.push(constantBytes + liveBytes + workBytes),
    free: (_id, bytes) => {
      liveBytes -= bytes;
    },
  });
  let peakInstruction = 0;
  bytesDuring.forEach((bytes, index) => {
    if (bytes > (bytesDuring[peakInstruction] as number)) peakInstruction = index;
  });
  return { bytesDuring, constantBytes, peakBytes: bytesDuring[peakInstruction] ?? constantBytes, peakInstruction };
}

/**
 * Bytes by which the process grows when it runs the plan: the same walk, through a model of the allocator's pool, so
 * that what the pool wastes between live tensors counts. Never less than the timeline's peak, and slower to compute.
 */
export function residentGrowth(plan: StepPlan, facts: StepMemoryFacts): number {
  const pool = new PoolAllocator();
  const inPool = new Set<number>();
  let smallBytes = 0;
  let smallPeakBytes = 0;
  const take = (id: number, bytes: number): void => {
    if (bytes >= POOL_THRESHOLD_BYTES) {
      pool.allocate(id, bytes);
      inPool.add(id);
      return;
    }
    smallBytes += bytes;
    smallPeakBytes = Math.max(smallPeakBytes, smallBytes);
  };
  const give = (id: number, bytes: number): void => {
    if (inPool.delete(id)) pool.free(id);
    else smallBytes -= bytes;
  };
  walkMemory(plan, facts, {
    hold: take,
    allocate: take,
    run: (workBytes) => {
      take(WORK_ID, workBytes);
      give(WORK_ID, workBytes);
    },
    free: give,
  });
  return pool.touchedBytes + smallPeakBytes;
}

const WORK_ID = -1;

/** What happens to memory along a plan. Ids are tensors' (negative: held for the whole step). */
interface MemoryVisitor {
  /** Something that is there for the whole step. */
  hold(id: number, bytes: number): void;
  allocate(id: number, bytes: number): void;
  /** An instruction runs, with this much work space. */
  run(workBytes: number): void;
  free(id: number, bytes: number): void;
}

function walkMemory(plan: StepPlan, facts: StepMemoryFacts, visitor: MemoryVisitor): void {
  const { microBatch } = plan.config;
  const lastReader = lastReaders(plan);
  let heldId = WORK_ID - 1;
  for (const { id, bytes } of plan.chain.parameters) {
    if (plan.frozen[id]) continue;
    const copies = facts.slotsPerParameter + (plan.config.accumulation > 1 ? 1 : 0);
    for (let copy = 0; copy < copies; copy++) visitor.hold(heldId--, bytes);
  }
  visitor.hold(heldId, bytesAt((plan.tensors[0] as PlannedTensor).bytes, microBatch));

  const bufferBytes = new Map<number, number>();
  /** Buffer that a tensor really sits in, after taking over another's. */
  const homes = new Map<number, number>();
  const home = (tensor: number): number => {
    const root = (plan.tensors[tensor] as PlannedTensor).sharesBufferOf;
    return homes.get(root) ?? root;
  };
  /** Instruction after which a home's buffer is free. */
  const freeAfter = new Map<number, number>();

  plan.microStep.forEach((instruction, index) => {
    const takenOver = takeOver(plan, instruction, (tensor) => {
      const isLast = freeAfter.get(home(tensor)) === index;
      return isLast && (plan.tensors[tensor] as PlannedTensor).role !== "input";
    });
    for (const tensor of writesOf(instruction)) {
      const { sharesBufferOf, bytes } = plan.tensors[tensor] as PlannedTensor;
      if (sharesBufferOf !== tensor) continue;
      const last = lastReader.get(tensor) ?? index;
      if (takenOver !== undefined && takenOver.output === tensor) {
        const taken = home(takenOver.input);
        homes.set(tensor, taken);
        freeAfter.set(taken, last);
      } else {
        const size = bytesAt(bytes, microBatch);
        bufferBytes.set(tensor, size);
        freeAfter.set(tensor, last);
        visitor.allocate(tensor, size);
      }
    }
    visitor.run(workBytes(plan, instruction, facts));
    for (const tensor of [...readsOf(instruction), ...writesOf(instruction)]) {
      const where = home(tensor);
      if ((freeAfter.get(where) ?? Number.POSITIVE_INFINITY) > index) continue;
      const size = bufferBytes.get(where);
      if (size === undefined) continue;
      bufferBytes.delete(where);
      visitor.free(where, size);
    }
  });
}

/** Index of the last instruction that reads each buffer, by the id of the tensor that owns it. */
function lastReaders(plan: StepPlan): ReadonlyMap<number, number> {
  const last = new Map<number, number>();
  plan.microStep.forEach((instruction, index) => {
    for (const tensor of readsOf(instruction)) last.set((plan.tensors[tensor] as PlannedTensor).sharesBufferOf, index);
  });
  return last;
}

/** The output that is written over an input, where the operation may and nobody reads that input again. */
function takeOver(
  plan: StepPlan,
  instruction: Instruction,
  isLastReader: (tensor: number) => boolean,
): { readonly input: number; readonly output: number } | undefined {
  const sameSize = (left: number, right: number): boolean => bytesOf(plan, left) === bytesOf(plan, right);
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
function bytesOf(plan: StepPlan, tensor: number): number {
  const { sharesBufferOf } = plan.tensors[tensor] as PlannedTensor;
  return bytesAt((plan.tensors[sharesBufferOf] as PlannedTensor).bytes, plan.config.microBatch);
}

function workBytes(plan: StepPlan, instruction: Instruction, facts: StepMemoryFacts): number {
  const { microBatch } = plan.config;
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
