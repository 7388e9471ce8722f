import type { ModelInput } from "./input-form.ts";
import type { OnnxOrigin } from "./onnx/onnx-origin.ts";

/** `[height, width]`. */
export type Size2D = readonly [number, number];
/** Zeros around an image: `[[top, bottom], [left, right]]`. */
export type EdgePadding = readonly [Size2D, Size2D];
/** TensorFlow's two, or so many pixels on each side. */
export type Padding = "same" | "valid" | EdgePadding;

/** Shape of one sample, without the batch dimension: `[height, width, channels]`, `[tokens, width]` or `[features]`. */
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
  /** Over the last axis. `partOf`: a projection of an attention counts as feature extraction when layers are frozen. */
  readonly dense: { readonly units: number; readonly useBias: boolean; readonly partOf?: "attention" };
  /**
   * Scaled dot products of `heads` heads. Inputs: one, packed `[..., tokens, 3 * width]` (all of q, then k, then v; inside
   * each: heads, then head width), or three `[..., tokens, width]`, of which keys and values may have other tokens.
   */
  readonly attention: { readonly heads: number; readonly scale: number };
  readonly batchNorm: NormAttributes & { readonly momentum: number };
  readonly groupNorm: NormAttributes & { readonly groups: number };
  /** Over the last axis. */
  readonly layerNorm: NormAttributes;
  /** `x * scale + offset` with fixed numbers, one or one for each channel: a model's own preparation of its input. */
  readonly affine: { readonly scale: readonly number[]; readonly offset: readonly number[] };
  /**
   * `hardSigmoid`: `clip(slope * x + 0.5, 0, 1)`; slope 1/6 unless given. `hardSwish`: `x * relu6(x + 3) / 6`.
   * `leakyRelu`: `slope * x` below zero. `clippedRelu`: between 0 and `most`. `softmax`: over one axis of the sample, the
   * last unless given.
   */
  readonly activation: {
    readonly function: ActivationName;
    readonly slope?: number;
    readonly most?: number;
    readonly axis?: number;
  };
  /** `alpha * x` below zero, with an alpha for each value of a sample but along the shared axes (0: height). */
  readonly prelu: { readonly sharedAxes: readonly number[] };
  /** Elementwise, as is `multiply`; an axis of 1 in one input is repeated, and axes are aligned at the end. */
  readonly add: Readonly<Record<never, never>>;
  readonly multiply: Readonly<Record<never, never>>;
  /** Along the channels. */
  readonly concat: Readonly<Record<never, never>>;
  /** Padding is never the largest. */
  readonly maxPool: PoolAttributes;
  /** Padding of "same" is not counted; TensorFlow's mean has no other, so edges want a `zeroPad` before it. */
  readonly avgPool: PoolAttributes & { readonly padding: "same" | "valid" };
  /** Mean over height and width; with `keepDims` the result is `[1, 1, channels]`. */
  readonly globalAvgPool: { readonly keepDims: boolean };
  /** Over axes of the sample. */
  readonly reduce: { readonly function: "mean" | "sum"; readonly axes: readonly number[]; readonly keepDims: boolean };
  /** Divides by the length of the vector in the last axis: `x / sqrt(sum(x^2) + epsilon)`. */
  readonly l2Normalise: { readonly epsilon: number };
  /** Multiplies each channel (last axis) by a trained number. */
  readonly layerScale: Readonly<Record<never, never>>;
  /** Puts a trained token before the tokens, `[..., tokens, width]`. */
  readonly classToken: Readonly<Record<never, never>>;
  /** Adds a trained value at each place of the sample. */
  readonly positions: Readonly<Record<never, never>>;
  readonly zeroPad: { readonly padding: EdgePadding };
  /** Also flatten: the new sample shape. */
  readonly reshape: { readonly shape: SampleShape };
  /** The sample is reshaped to `split`, its axes are put in `order`, and that is reshaped to `shape`. */
  readonly rearrange: {
    readonly split: SampleShape;
    readonly order: readonly number[];
    readonly shape: SampleShape;
  };
  /** `size` places from `begin` on, along one axis of the sample. */
  readonly slice: { readonly axis: number; readonly begin: number; readonly size: number };
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
  /** Of a model from an ONNX file: what of that is needed to write it again. */
  readonly onnx?: OnnxOrigin | undefined;
}

/** Product of a shape's extents. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
