import type { AffineBytes, Chain, RetrainConfig } from "../facts/index.ts";

/** A tensor that exists during a step. Recomputing a value makes a new tensor of it. `plan.tensors[id]` has that id. */
export interface PlannedTensor {
  readonly id: number;
  readonly role: "input" | "activation" | "statistics" | "gradient" | "parameterGradient";
  /** Id of the chain's value (activation, its gradient) or of the parameter (`parameterGradient`) or op (`statistics`). */
  readonly of: number;
  readonly bytes: AffineBytes;
  /** The tensor whose buffer it shares by definition (a reshape); its own id when it has its own buffer. */
  readonly sharesBufferOf: number;
}

export interface ForwardInstruction {
  readonly kind: "forward";
  readonly op: number;
  readonly inputs: readonly number[];
  readonly output: number;
  readonly statistics: number | undefined;
  /** Moving statistics change once per micro-batch: in the first run of an operation, never in a recompute. */
  readonly updatesMovingStatistics: boolean;
  readonly isRecompute: boolean;
}

/** Loss of the logits and its gradient with respect to them. */
export interface LossInstruction {
  readonly kind: "loss";
  readonly logits: number;
  readonly gradient: number;
}

export interface BackwardInstruction {
  readonly kind: "backward";
  readonly op: number;
  /** Gradient of the operation's output. */
  readonly gradient: number;
  /** Saved tensors, by what they are; only those that this instruction reads are present. */
  readonly savedInputs: readonly (number | undefined)[];
  readonly savedOutput: number | undefined;
  readonly savedStatistics: number | undefined;
  /** Gradients that it writes, by position of the input; undefined where none is wanted. */
  readonly inputGradients: readonly (number | undefined)[];
  /** Gradients that it writes, by position of the parameter; undefined where frozen. */
  readonly parameterGradients: readonly (number | undefined)[];
}

/** Sum of two gradients of one value, where paths join. */
export interface AddGradientsInstruction {
  readonly kind: "addGradients";
  readonly left: number;
  readonly right: number;
  readonly sum: number;
}

/** Consumes a parameter's gradient: steps the optimizer (`update`) or adds to the accumulator (`accumulate`). */
export interface ParameterInstruction {
  readonly kind: "update" | "accumulate";
  readonly parameter: number;
  readonly gradient: number;
}

export type Instruction =
  | ForwardInstruction
  | LossInstruction
  | BackwardInstruction
  | AddGradientsInstruction
  | ParameterInstruction;

/** Everything one training step does, in order: read by the emulator, compiled by the engine, compared by the tests. */
export interface StepPlan {
  readonly chain: Chain;
  readonly config: RetrainConfig;
  /** `frozen[parameter]`. */
  readonly frozen: readonly boolean[];
  readonly tensors: readonly PlannedTensor[];
  /** Run once for each of the `config.accumulation` micro-batches. */
  readonly microStep: readonly Instruction[];
  /** Parameters stepped from their accumulators after the last micro-batch; empty when there is only one. */
  readonly applied: readonly number[];
}

/** Tensor ids that an instruction reads, each once. */
export function readsOf(instruction: Instruction): readonly number[] {
  switch (instruction.kind) {
    case "forward":
      return eachOnce(instruction.inputs);
    case "loss":
      return [instruction.logits];
    case "backward":
      return eachOnce([
        instruction.gradient,
        ...instruction.savedInputs,
        instruction.savedOutput,
        instruction.savedStatistics,
      ]);
    case "addGradients":
      return eachOnce([instruction.left, instruction.right]);
    case "update":
    case "accumulate":
      return [instruction.gradient];
  }
}

/** A handful at most: looking through them beats a set. */
function eachOnce(tensors: readonly (number | undefined)[]): readonly number[] {
  const found: number[] = [];
  for (const tensor of tensors) if (tensor !== undefined && !found.includes(tensor)) found.push(tensor);
  return found;
}

/** Tensor ids that an instruction writes. */
export function writesOf(instruction: Instruction): readonly number[] {
  switch (instruction.kind) {
    case "forward":
      return instruction.statistics === undefined ? [instruction.output] : [instruction.output, instruction.statistics];
    case "loss":
      return [instruction.gradient];
    case "backward":
      return [...instruction.inputGradients, ...instruction.parameterGradients].filter(
        (tensor) => tensor !== undefined,
      );
    case "addGradients":
      return [instruction.sum];
    case "update":
    case "accumulate":
      return [];
  }
}
