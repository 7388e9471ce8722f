import type { AffineBytes } from "./affine-bytes.ts";

/** The classes of layers that are frozen separately (paper, section 3: parameter freezing). */
export const LAYER_CLASSES = ["featureExtraction", "normalisation", "linear"] as const;
export type LayerClass = (typeof LAYER_CLASSES)[number];

/** What flows between operations: one activation of the model. `chain.values[id]` is the value with that id. */
export interface ChainValue {
  readonly id: number;
  readonly name: string;
  readonly bytes: AffineBytes;
  /** The unit that produces it; -1 for the model's input. */
  readonly unit: number;
}

/** One trainable parameter tensor. Moving statistics are state, not parameters, and are not listed. */
export interface ChainParameter {
  readonly id: number;
  readonly name: string;
  readonly layer: string;
  readonly layerClass: LayerClass;
  readonly bytes: number;
}

/** Which tensors of its forward pass a gradient reads. */
export interface GradientNeeds {
  /** Positions in `ChainOp.inputs`. */
  readonly inputs: readonly number[];
  readonly output: boolean;
  /** The small statistics that the forward pass kept (mean and variance of a normalisation). */
  readonly statistics: boolean;
}

/** One operation of the model, with the facts from which a step is planned. The engine's op table supplies them. */
export interface ChainOp {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly unit: number;
  readonly inputs: readonly number[];
  readonly output: number;
  readonly parameters: readonly number[];
  /** Statistics kept for the gradient besides the output; absent: none. */
  readonly statisticsBytes?: AffineBytes;
  /**
   * Whether work space comes from the kernel library's own allocation (convolutions reorder their kernels there) and not
   * from the allocator's pool; absent: from the pool.
   */
  readonly worksOutsidePool?: boolean;
  /** Resident bytes of one compiled kernel (code, tables); each direction has one. Absent: none. */
  readonly kernelBytes?: number;
  /** The output is the input seen in another shape: same buffer, no work. */
  readonly isAlias: boolean;
  readonly forward: {
    /** Held while the operation runs, besides its output. */
    readonly workBytes: AffineBytes;
    /** Held at its beginning and given back before the output is there; absent: none. */
    readonly earlyWorkBytes?: AffineBytes;
    /** Positions of inputs whose buffer the output takes over when this is that buffer's last reader. */
    readonly overwrites: readonly number[];
    /** Floating point operations for one sample. */
    readonly flopsPerSample: number;
  };
  readonly backward: {
    /** The gradient of every input is the gradient of the output itself (addition). */
    readonly passesThrough: boolean;
    /** One kernel gives the gradients of input and parameters together (normalisation). */
    readonly isJoint: boolean;
    readonly inputNeeds: GradientNeeds;
    readonly parameterNeeds: GradientNeeds;
    readonly inputWorkBytes: AffineBytes;
    readonly parameterWorkBytes: AffineBytes;
    /** The gradient of input 0 takes over the buffer of the output's gradient when this is its last reader. */
    readonly overwritesGradient: boolean;
  };
}

/** The smallest piece between two articulation points: a residual block, a conv-norm-relu, the head. */
export interface ChainUnit {
  readonly name: string;
  /** Operations `firstOp .. lastOp`, both included; units partition the operations in order. */
  readonly firstOp: number;
  readonly lastOp: number;
  /** The one value it reads from before it, and the one that later units read from it. */
  readonly input: number;
  readonly output: number;
}

/** A model as a chain of units, in execution order: what is planned, predicted and compiled. */
export interface Chain {
  readonly model: string;
  readonly input: number;
  /** The logits, which the loss reads. */
  readonly output: number;
  readonly values: readonly ChainValue[];
  readonly parameters: readonly ChainParameter[];
  readonly ops: readonly ChainOp[];
  readonly units: readonly ChainUnit[];
}
