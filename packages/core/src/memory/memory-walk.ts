import { bytesAt, remembered, type StepMemoryFacts } from "../facts/index.ts";
import { type Instruction, readsOf, type StepPlan, writesOf } from "../plan/index.ts";

/** The input batch is the first tensor of every plan; its caller holds it until the step is done. */
export const INPUT_TENSOR = 0;

/** What happens to memory along a plan. Ids are tensors'. */
export interface MemoryVisitor {
  allocate(id: number, bytes: number): void;
  /** An instruction begins, with work space that is gone before its outputs are there. */
  prepare(workBytes: number): void;
  /** An instruction runs, its outputs there, with this much work space, in the pool or outside it. */
  run(workBytes: number, isOutsidePool: boolean): void;
  free(id: number, bytes: number): void;
}

/** Optimizer slots and accumulators, which are there before the first step; returns their bytes. */
export function holdState(plan: StepPlan, facts: StepMemoryFacts, hold: (bytes: number) => void): number {
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
  /** Index of the last instruction that reads each buffer, by the id of the tensor that owns it; -1: none does. */
  readonly lastReader: Int32Array;
}

/** A plan is walked at several sizes and by several visitors; its instructions stay the same. */
const KNOWN_ACCESSES = new WeakMap<readonly Instruction[], PlanAccesses>();

function accessesOf({ microStep, tensors }: StepPlan): PlanAccesses {
  return remembered(KNOWN_ACCESSES, microStep, () => {
    const lastReader = new Int32Array(tensors.length).fill(-1);
    const written = microStep.map(writesOf);
    const touched = microStep.map((instruction, index) => {
      const reads = readsOf(instruction);
      for (const tensor of reads) lastReader[tensors[tensor]!.sharesBufferOf] = index;
      return [...reads, ...written[index]!];
    });
    return { touched, written, lastReader };
  });
}

/** In `freeAt`: the buffer was never written, or is free already. */
const NOT_HELD = -1;

/** Reports to a visitor what a plan's micro-step does to memory at a micro-batch, instruction by instruction. */
export function walkMemory(plan: StepPlan, facts: StepMemoryFacts, microBatch: number, visitor: MemoryVisitor): void {
  const { touched, written, lastReader } = accessesOf(plan);
  const inputBytes = bytesAt(plan.tensors[INPUT_TENSOR]!.bytes, microBatch);
  visitor.allocate(INPUT_TENSOR, inputBytes);
  const count = plan.tensors.length;
  const bufferBytes = new Float64Array(count);
  /** Buffer that a tensor really sits in, after taking over another's. */
  const homes = Int32Array.from({ length: count }, (_, tensor) => tensor);
  const home = (tensor: number): number => homes[plan.tensors[tensor]!.sharesBufferOf]!;
  /** Instruction after which a home's buffer is free. */
  const freeAt = new Int32Array(count).fill(NOT_HELD);

  plan.microStep.forEach((instruction, index) => {
    const takenOver = takeOver(plan, instruction, microBatch, (tensor) => {
      const isLast = freeAt[home(tensor)] === index;
      return isLast && plan.tensors[tensor]!.role !== "input";
    });
    visitor.prepare(earlyWorkBytes(plan, instruction, microBatch));
    for (const tensor of written[index]!) {
      const { sharesBufferOf, bytes } = plan.tensors[tensor]!;
      if (sharesBufferOf !== tensor) continue;
      // What nothing reads is freed at once.
      const last = Math.max(index, lastReader[tensor]!);
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
    for (const tensor of touched[index]!) {
      const where = home(tensor);
      const at = freeAt[where]!;
      if (at === NOT_HELD || at > index) continue;
      freeAt[where] = NOT_HELD;
      visitor.free(where, bufferBytes[where]!);
    }
  });
  visitor.free(INPUT_TENSOR, inputBytes);
}

/** The output that is written over an input, where the operation may and nothing reads that input again. */
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
      const op = plan.chain.ops[instruction.op]!;
      return pick(
        op.forward.overwrites.map((position) => instruction.inputs[position]!),
        instruction.output,
      );
    }
    case "backward": {
      const op = plan.chain.ops[instruction.op]!;
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
  const { sharesBufferOf } = plan.tensors[tensor]!;
  return bytesAt(plan.tensors[sharesBufferOf]!.bytes, microBatch);
}

function worksOutsidePool(plan: StepPlan, instruction: Instruction): boolean {
  if (instruction.kind !== "forward" && instruction.kind !== "backward") return false;
  return plan.chain.ops[instruction.op]!.worksOutsidePool ?? false;
}

function earlyWorkBytes(plan: StepPlan, instruction: Instruction, microBatch: number): number {
  if (instruction.kind !== "forward") return 0;
  const early = plan.chain.ops[instruction.op]!.forward.earlyWorkBytes;
  return early === undefined ? 0 : bytesAt(early, microBatch);
}

function workBytes(plan: StepPlan, instruction: Instruction, facts: StepMemoryFacts, microBatch: number): number {
  switch (instruction.kind) {
    case "forward":
      return bytesAt(plan.chain.ops[instruction.op]!.forward.workBytes, microBatch);
    case "loss":
      return facts.lossWorkBytesPerSample * microBatch;
    case "backward": {
      const { backward } = plan.chain.ops[instruction.op]!;
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
