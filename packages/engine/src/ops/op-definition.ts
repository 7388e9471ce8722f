import type { ChainOp, LayerClass } from "@mpo/core";
import type { GraphEmitter } from "../graph/graph-emitter.ts";
import type { OpAttributes, OpKind, SampleShape } from "../model/model-graph.ts";

export type Initializer = "heNormal" | "glorotUniform" | "smallNormal" | "zeros" | "ones";

/** A variable of an operation. Moving statistics are variables that do not train by gradient. */
export interface VariableSpec {
  /** Last part of its name: `kernel`, `bias`, `gamma`, `beta`, `token`, `moving_mean`, `moving_variance`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  readonly trainable: boolean;
}

/** What an operation can ask of its place in the model. Shapes are of one sample. */
export interface OpPlace<Kind extends OpKind> {
  readonly attributes: OpAttributes[Kind];
  readonly inputShapes: readonly SampleShape[];
  readonly outputShape: SampleShape;
  /** The output's only reader is a ReLU: TensorFlow then runs both as one kernel. */
  readonly isReadByReluOnly: boolean;
}

/** Facts for planning: everything of a `ChainOp` that the op itself decides. */
export type OpFacts = Pick<
  ChainOp,
  "isAlias" | "forward" | "backward" | "statisticsBytes" | "worksOutsidePool" | "kernelBytes"
>;

export interface ForwardEmission<Kind extends OpKind> extends OpPlace<Kind> {
  readonly emit: GraphEmitter;
  /** Names of the input tensors. */
  readonly inputs: readonly string[];
  /** Tensor that holds a variable's value. */
  readonly variable: (name: string) => string;
  /** Resource handle of a variable, to assign to it. */
  readonly handle: (name: string) => string;
  /** Training: batch statistics, dropout. Otherwise moving statistics, no dropout. */
  readonly training: boolean;
  readonly updatesMovingStatistics: boolean;
  /** Training normalises by moving statistics, after the micro-batch has moved them by `statisticsShare`, not by its own. */
  readonly blendsStatistics: boolean;
  /** Share of the old value that moving statistics keep; absent: the layer's own. */
  readonly statisticsMomentum: number | undefined;
  /** Scalar by which changes of moving statistics are multiplied. */
  readonly statisticsShare: string;
  /** Two int32 that differ from step to step but not between a forward and its recompute: seeds of random ops. */
  readonly seed: string;
  /** A number that is the op's own in the model. */
  readonly opIndex: number;
}

export interface ForwardResult {
  readonly output: string;
  /** Small tensors that the gradient reads again. */
  readonly statistics?: readonly string[];
}

export interface BackwardEmission<Kind extends OpKind> extends OpPlace<Kind> {
  readonly emit: GraphEmitter;
  readonly gradient: string;
  readonly savedInput: (position: number) => string;
  readonly savedOutput: () => string;
  readonly savedStatistics: () => readonly string[];
  readonly variable: (name: string) => string;
  /** As in the forward emission. */
  readonly blendsStatistics: boolean;
  readonly wantsInput: (position: number) => boolean;
  readonly wantsParameter: (name: string) => boolean;
  readonly seed: string;
  readonly opIndex: number;
}

export interface BackwardResult {
  /** By position of the input. */
  readonly inputs?: readonly (string | undefined)[];
  /** By name of the parameter. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** Everything the project knows about one kind of operation, in one place. */
export interface OpDefinition<Kind extends OpKind> {
  /** Class for freezing, when it has parameters; where it depends on the node, what it is by the node's attributes. */
  readonly layerClass?: LayerClass | ((attributes: OpAttributes[Kind]) => LayerClass);
  /** Throws `invalid-argument` when the inputs do not fit. */
  outputShape(attributes: OpAttributes[Kind], inputShapes: readonly SampleShape[]): SampleShape;
  /** Absent: it has none. */
  variables?(attributes: OpAttributes[Kind], inputShapes: readonly SampleShape[]): readonly VariableSpec[];
  /** Fewest and most inputs; absent: one. */
  readonly inputCounts?: readonly [fewest: number, most: number];
  facts(place: OpPlace<Kind>): OpFacts;
  emitForward(emission: ForwardEmission<Kind>): ForwardResult;
  emitBackward(emission: BackwardEmission<Kind>): BackwardResult;
}
