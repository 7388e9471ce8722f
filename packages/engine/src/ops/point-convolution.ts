import { type AffineBytes, NO_BYTES } from "@mpo/core";
import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { type Attributes, attr } from "../graph/graph-proto.ts";
import type { OpAttributes, SampleShape } from "../model/model-graph.ts";
import { activationBytes } from "./facts.ts";
import { matMul, rowsOf, shaped } from "./matrix.ts";
import type { BackwardEmission, ForwardEmission } from "./op-definition.ts";
import { nhwc } from "./window.ts";

// A kernel of one place makes a convolution a product of matrices: `[places, channels]` by `[channels, filters]`, for the places
// of all images together. The library's convolutions take one image after the other, and where images have shrunk to a few
// places they read the whole kernel for each: ResNet-50 trains in three quarters of the time this way on images of 32 pixels,
// in the same time on those of 224 (one thread, AVX512).

type ConvAttributes = OpAttributes["conv2d"];

/** In inference, convolutions are fused with what follows, which is faster from so many places on. */
const FUSED_FROM_PLACES = 17;

export function isProduct({ kernelSize, groups, padding }: ConvAttributes): boolean {
  return kernelSize.every((extent) => extent === 1) && groups === 1 && typeof padding === "string";
}

/** Whether a forward pass computes it so. */
export function runsAsProduct({ attributes, outputShape, training }: ForwardEmission<"conv2d">): boolean {
  const [height = 1, width = 1] = outputShape;
  return isProduct(attributes) && (training || height * width < FUSED_FROM_PLACES);
}

/** Bytes of the places that strides leave, of each image; nothing where they leave all. */
export function thinnedBytes(
  { strides }: ConvAttributes,
  [height = 1, width = 1, channels = 1]: SampleShape,
): AffineBytes {
  if (!isStrided(strides)) return NO_BYTES;
  return activationBytes([Math.ceil(height / strides[0]), Math.ceil(width / strides[1]), channels]);
}

export function emitProduct(emission: ForwardEmission<"conv2d">, kernel: string): string {
  const { emit, attributes, inputs, inputShapes, outputShape } = emission;
  const rows = rowsOf(emit, thinned(emit, inputs[0]!, attributes), inputShapes[0]);
  return shaped(emit, matMul(emit, rows, kernelMatrix(emission, kernel)), outputShape);
}

export function emitProductKernelGradient(emission: BackwardEmission<"conv2d">, shape: readonly number[]): string {
  const { emit, attributes, gradient, savedInput, inputShapes, outputShape } = emission;
  const rows = rowsOf(emit, thinned(emit, savedInput(0), attributes), inputShapes[0]);
  return emit.reshape(matMul(emit, rows, rowsOf(emit, gradient, outputShape), "left"), shape);
}

export function emitProductInputGradient(emission: BackwardEmission<"conv2d">): string {
  const { emit, attributes, gradient, variable, inputShapes, outputShape } = emission;
  const kernel = kernelMatrix(emission, variable("kernel"));
  const rows = matMul(emit, rowsOf(emit, gradient, outputShape), kernel, "right");
  const [, , channels = 1] = inputShapes[0]!;
  const places = shaped(emit, rows, [...outputShape.slice(0, 2), channels]);
  if (!isStrided(attributes.strides)) return places;
  return emit.node("AvgPoolGrad", [emit.batchShape(inputShapes[0]!), places], thinning(attributes));
}

function isStrided(strides: readonly number[]): boolean {
  return strides.some((stride) => stride > 1);
}

function kernelMatrix(
  {
    emit,
    attributes: { filters },
    inputShapes,
  }: Pick<ForwardEmission<"conv2d">, "emit" | "attributes" | "inputShapes">,
  kernel: string,
): string {
  return emit.reshape(kernel, [inputShapes[0]![2]!, filters]);
}

/** The places that strides leave: the mean of each alone, since kernels for that are faster than those that slice. */
function thinned(emit: GraphEmitter, image: string, attributes: ConvAttributes): string {
  return isStrided(attributes.strides) ? emit.node("AvgPool", [image], thinning(attributes)) : image;
}

function thinning({ strides }: ConvAttributes): Attributes {
  return {
    T: "float",
    ksize: attr.ints(nhwc([1, 1])),
    strides: attr.ints(nhwc(strides)),
    padding: attr.text("VALID"),
    data_format: attr.text("NHWC"),
  };
}
