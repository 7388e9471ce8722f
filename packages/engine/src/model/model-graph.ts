import type { ModelInput } from "./input-form.ts";

/** `[height, width]`. */
export type Size2D = readonly [number, number];
export type Padding = "same" | "valid";

/** Shape of one sample, without the batch dimension: `[height, width, channels]` or `[features]`. */
export type SampleShape = readonly number[];

export const ACTIVATION_NAMES = [
  "linear",
  "relu",
  "relu6",
  "sigmoid",
  "tanh",
  "swish",
  "hardSigmoid",
  "hardSwish",
  "leakyRelu",
  "clippedRelu",
  "elu",
  "selu",
  "gelu",
  "softplus",
  "softsign",
  "softmax",
] as const;
export type ActivationName = (typeof ACTIVATION_NAMES)[number];

export interface WindowAttributes {
  readonly kernelSize: Size2D;
  readonly strides: Size2D;
  readonly padding: Padding;
  readonly dilation: Size2D;
}

export interface NormAttributes {
  readonly epsilon: number;
  readonly scale: boolean;
  readonly center: boolean;
}

interface PoolAttributes {
  readonly poolSize: Size2D;
  readonly strides: Size2D;
  readonly padding: Padding;
}

/** The attributes of each kind of operation. Tensors are NHWC, kernels HWIO. */
export interface OpAttributes {
  readonly input: ModelInput;
  readonly conv2d: WindowAttributes & {
    readonly filters: number;
    /** Channel groups (ResNeXt); the kernel has shape `[h, w, inputChannels / groups, filters]`. */
    readonly groups: number;
    readonly useBias: boolean;
  };
  readonly depthwiseConv2d: WindowAttributes & { readonly depthMultiplier: number; readonly useBias: boolean };
  readonly dense: { readonly units: number; readonly useBias: boolean };
  readonly batchNorm: NormAttributes & { readonly momentum: number };
  readonly groupNorm: NormAttributes & { readonly groups: number };
  /** Over the last axis. */
  readonly layerNorm: NormAttributes;
  /** `x * scale + offset` with fixed numbers, one or one for each channel: a model's own preparation of its input. */
  readonly affine: { readonly scale: readonly number[]; readonly offset: readonly number[] };
  /**
   * `hardSigmoid`: `clip(slope * x + 0.5, 0, 1)`; slope 1/6 unless given. `hardSwish`: `x * relu6(x + 3) / 6`.
   * `leakyRelu`: `slope * x` below zero. `clippedRelu`: between 0 and `most`.
   */
  readonly activation: { readonly function: ActivationName; readonly slope?: number; readonly most?: number };
  /** `alpha * x` below zero, with an alpha for each value of a sample but along the shared axes (0: height). */
  readonly prelu: { readonly sharedAxes: readonly number[] };
  readonly add: Readonly<Record<never, never>>;
  /** Elementwise; the second input may be `[1, 1, channels]` (squeeze-and-excite). */
  readonly multiply: Readonly<Record<never, never>>;
  /** Along the channels. */
  readonly concat: Readonly<Record<never, never>>;
  readonly maxPool: PoolAttributes;
  readonly avgPool: PoolAttributes;
  /** Mean over height and width; with `keepDims` the result is `[1, 1, channels]`. */
  readonly globalAvgPool: { readonly keepDims: boolean };
  /** `[[top, bottom], [left, right]]`. */
  readonly zeroPad: { readonly padding: readonly [Size2D, Size2D] };
  /** Also flatten: the new sample shape. */
  readonly reshape: { readonly shape: SampleShape };
  /** Repeats rows and columns. */
  readonly upsample: { readonly factors: Size2D };
  /** `whole`: what falls out together, channels of an image or all of a sample (stochastic depth). */
  readonly dropout: { readonly rate: number; readonly whole?: "channels" | "samples" };
}

export type OpKind = keyof OpAttributes;

/** One operation of a model. `inputs` are names of nodes that come before it. */
export type ModelNode = {
  readonly [Kind in OpKind]: {
    readonly name: string;
    readonly kind: Kind;
    readonly inputs: readonly string[];
    readonly attributes: OpAttributes[Kind];
  };
}[OpKind];

/** A model's structure: nodes in execution order, the first of kind `input`, one output (`headOf`). */
export interface ModelGraph {
  readonly name: string;
  readonly nodes: readonly ModelNode[];
  readonly output: string;
}

/** Values of a model's variables by name (`<node>/<parameter>`), row-major. */
export type ModelWeights = ReadonlyMap<string, Float32Array>;

export interface Model {
  readonly graph: ModelGraph;
  readonly weights: ModelWeights;
}

/** Product of a shape's extents. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
