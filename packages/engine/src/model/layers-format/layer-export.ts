import { MpoError } from "@mpo/core";
import { DEFAULT_HARD_SIGMOID_SLOPE } from "../../ops/activation.ts";
import { inputShapesOf, sampleShapes } from "../graph-shapes.ts";
import {
  elementsOf,
  type Model,
  type ModelGraph,
  type ModelNode,
  type OpAttributes,
  type SampleShape,
} from "../model-graph.ts";
import { graphVariables } from "../variables.ts";
import type { Expansion, ExportMetadata } from "./export-metadata.ts";
import { toBlockDiagonal } from "./grouped-kernel.ts";
import { KERAS2_SLOPE, storedActivation } from "./layer-activation.ts";
import type { LayerJson } from "./layers-structure.ts";
import { CHANNELS_LAST, convConfig, stockLayer } from "./stock-layer.ts";

/** A weight to be stored; `values` makes it when it is written, so that block-diagonal kernels do not pile up. */
export interface ExportedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: () => Float32Array;
}

/** A model as stock layers of TensorFlow.js (and `GroupNormalization`, and those of transformers). */
export interface ExportedModel {
  readonly layers: readonly LayerJson[];
  readonly weights: readonly ExportedWeight[];
  readonly metadata: ExportMetadata;
}

interface ExportState {
  readonly model: Model;
  readonly names: Set<string>;
  readonly layers: LayerJson[];
  readonly weights: ExportedWeight[];
  readonly expansions: Expansion[];
  readonly groups: Record<string, number>;
}

/**
 * Expresses a model by stock layers. What they lack is written as several, and noted in the metadata for our own
 * import: a convolution in groups as one with a block-diagonal kernel; hardSigmoid of slope 1/6 as a 1x1 depthwise
 * convolution by 5/6 before the stock one of slope 0.2; hardSwish as that, multiplied; a pooling that keeps its
 * dimensions with a reshape; an affine node with a number for each channel as a 1x1 depthwise convolution; a
 * rearrangement as reshapes about a permutation; a window that pads some edges as one without padding after a layer of
 * zeros. What has no stock layers at all is of a class of our own.
 */
export function exportLayers(model: Model): ExportedModel {
  const { graph } = model;
  const shapes = sampleShapes(graph);
  const state: ExportState = {
    model,
    names: new Set(graph.nodes.map(({ name }) => name)),
    layers: [],
    weights: [],
    expansions: [],
    groups: {},
  };
  for (const node of graph.nodes) {
    exportNode(state, node, inputShapesOf(node, shapes)[0] ?? [], shapes.get(node.name) ?? []);
  }
  for (const { name, node, spec } of graphVariables(graph)) {
    const values = model.weights.get(name)!;
    const groups = spec.name === "kernel" ? (state.groups[node] ?? 1) : 1;
    if (groups === 1) {
      state.weights.push({ name, shape: spec.shape, values: () => values });
      continue;
    }
    const [height = 1, width = 1, inputsPerGroup = 1, filters = 1] = spec.shape;
    const inputs = inputsPerGroup * groups;
    const extents = { height, width, inputs, filters, groups };
    state.weights.push({
      name,
      shape: [height, width, inputs, filters],
      values: () => toBlockDiagonal(values, extents),
    });
  }
  const { layers, weights, expansions, groups } = state;
  return { layers, weights, metadata: { version: 1, groups, expansions } };
}

function exportNode(state: ExportState, node: ModelNode, inputShape: SampleShape, outputShape: SampleShape): void {
  const { name } = node;
  const [input = ""] = node.inputs;
  if (node.kind === "activation") {
    exportActivation(state, name, input, node.attributes, inputShape);
  } else if (node.kind === "affine") {
    exportAffine(state, name, input, node.attributes, inputShape);
  } else if (node.kind === "rearrange") {
    exportRearrange(state, name, input, node.attributes);
  } else if (node.kind === "globalAvgPool" && node.attributes.keepDims) {
    const pooled = helper(state, name, "flat");
    putLayer(state, "GlobalAveragePooling2D", pooled, [input], CHANNELS_LAST);
    putLayer(state, "Reshape", name, [pooled], { target_shape: outputShape });
    const layers = [pooled, name];
    state.expansions.push({ kind: "globalAvgPool", name, input, layers, attributes: node.attributes });
  } else if (isWindow(node) && typeof node.attributes.padding !== "string") {
    exportPaddedWindow(state, node);
  } else {
    if (node.kind === "conv2d" && node.attributes.groups > 1) state.groups[name] = node.attributes.groups;
    // The layer of the same class of another program may be read as a convolution.
    if (node.kind === "dense" && (inputShape.length > 1 || node.attributes.partOf !== undefined)) {
      state.expansions.push({ kind: "dense", name, input, layers: [name], attributes: node.attributes });
    }
    const [className, config] = stockLayer(node);
    putLayer(state, className, name, node.inputs, config);
  }
}

function exportActivation(
  state: ExportState,
  name: string,
  input: string,
  attributes: OpAttributes["activation"],
  shape: SampleShape,
): void {
  const { function: own, slope, most, axis } = attributes;
  const put = (className: string, config: object): string => putLayer(state, className, name, [input], config);
  if (own === "leakyRelu") put("LeakyReLU", { alpha: slope ?? 0 });
  else if (own === "clippedRelu") put("ReLU", { max_value: most });
  else if (axis !== undefined) put("Softmax", { axis: axis + 1 });
  else if (own !== "hardSwish" && (own !== "hardSigmoid" || slope === KERAS2_SLOPE)) {
    put("Activation", { activation: storedActivation(own) });
  } else {
    const begin = state.layers.length;
    if (own === "hardSigmoid") {
      putHardSigmoid(state, name, name, input, shape, slope ?? DEFAULT_HARD_SIGMOID_SLOPE);
    } else {
      const gate = helper(state, name, "gate");
      putHardSigmoid(state, name, gate, input, shape, DEFAULT_HARD_SIGMOID_SLOPE);
      putLayer(state, "Multiply", name, [input, gate], {});
    }
    const layers = state.layers.slice(begin).map((layer) => layer.name);
    state.expansions.push({ kind: "activation", name, input, layers, attributes });
  }
}

/** Puts the layers of a hardSigmoid of any slope; the last is named `last`. */
function putHardSigmoid(
  state: ExportState,
  node: string,
  last: string,
  input: string,
  shape: SampleShape,
  slope: number,
): void {
  const x = putScale(state, node, input, { shape, scale: [slope / KERAS2_SLOPE] });
  const isLast = shape.length === 3;
  const sigmoid = isLast ? last : helper(state, node, "sigmoid");
  putLayer(state, "Activation", sigmoid, [x], { activation: "hard_sigmoid" });
  if (!isLast) putLayer(state, "Reshape", last, [sigmoid], { target_shape: shape });
}

/** One number for all is the stock layer Rescaling; one for each channel is a 1x1 depthwise convolution. */
function exportAffine(
  state: ExportState,
  name: string,
  input: string,
  attributes: OpAttributes["affine"],
  shape: SampleShape,
): void {
  const { scale, offset } = attributes;
  if (scale.length === 1 && offset.length === 1) {
    putLayer(state, "Rescaling", name, [input], { scale: scale[0], offset: offset[0] });
    return;
  }
  const begin = state.layers.length;
  const scaled = putScale(state, name, input, { shape, scale, offset });
  putLayer(state, "Reshape", name, [scaled], { target_shape: shape });
  const layers = state.layers.slice(begin).map((layer) => layer.name);
  state.expansions.push({ kind: "affine", name, input, layers, attributes });
}

function exportRearrange(state: ExportState, name: string, input: string, attributes: OpAttributes["rearrange"]): void {
  const { split, order, shape } = attributes;
  const [apart, moved] = [helper(state, name, "split"), helper(state, name, "moved")];
  putLayer(state, "Reshape", apart, [input], { target_shape: split });
  putLayer(state, "Permute", moved, [apart], { dims: order.map((axis) => axis + 1) });
  putLayer(state, "Reshape", name, [moved], { target_shape: shape });
  state.expansions.push({ kind: "rearrange", name, input, layers: [apart, moved, name], attributes });
}

interface Scaling {
  readonly shape: SampleShape;
  readonly scale: readonly number[];
  readonly offset?: readonly number[];
}

/** Puts a 1x1 depthwise convolution that multiplies each channel, and may add to it; gives its name. */
function putScale(state: ExportState, node: string, input: string, { shape, scale, offset }: Scaling): string {
  const isImage = shape.length === 3;
  const channels = isImage ? shape[2]! : elementsOf(shape);
  const perChannel = (numbers: readonly number[]): Float32Array =>
    Float32Array.from({ length: channels }, (_, channel) => numbers[channel % numbers.length]!);
  let x = input;
  if (!isImage) {
    const square = helper(state, node, "square");
    x = putLayer(state, "Reshape", square, [x], { target_shape: [1, 1, channels] });
  }
  const name = helper(state, node, "scale");
  const config = convConfig({ ...SCALE_WINDOW, useBias: offset !== undefined });
  putLayer(state, "DepthwiseConv2D", name, [x], { depth_multiplier: 1, ...config, trainable: false });
  const kernel = { name: `${name}/depthwise_kernel`, shape: [1, 1, channels, 1], values: () => perChannel(scale) };
  state.weights.push(kernel);
  if (offset !== undefined) {
    state.weights.push({ name: `${name}/bias`, shape: [channels], values: () => perChannel(offset) });
  }
  return name;
}

export type WindowNode = Extract<ModelNode, { kind: "conv2d" | "depthwiseConv2d" | "maxPool" }>;

export function isWindow(node: ModelNode): node is WindowNode {
  return node.kind === "conv2d" || node.kind === "depthwiseConv2d" || node.kind === "maxPool";
}

/** Keras' layers pad alike on all sides or not at all. */
function exportPaddedWindow(state: ExportState, node: WindowNode): void {
  const { name, attributes } = node;
  const [input = ""] = node.inputs;
  if (node.kind === "maxPool") requireNoNegatives(state.model.graph, name, input);
  if (node.kind === "conv2d" && node.attributes.groups > 1) state.groups[name] = node.attributes.groups;
  const zeros = helper(state, name, "zeros");
  putLayer(state, "ZeroPadding2D", zeros, [input], { padding: attributes.padding, ...CHANNELS_LAST });
  const [className, config] = stockLayer({
    ...node,
    attributes: { ...attributes, padding: "valid" },
  } as WindowNode);
  putLayer(state, className, name, [zeros], config);
  state.expansions.push({ ...({ kind: node.kind, attributes } as Expansion), name, input, layers: [zeros, name] });
}

const NEVER_NEGATIVE: ReadonlySet<string> = new Set([
  ...["relu", "relu6", "clippedRelu", "sigmoid", "hardSigmoid", "softplus", "softmax"],
]);

/** A largest of zeros and values is the largest of the values only where none is below zero. */
export function requireNoNegatives({ name: model, nodes }: ModelGraph, name: string, input: string): void {
  const before = nodes.find((node) => node.name === input);
  if (before?.kind === "activation" && NEVER_NEGATIVE.has(before.attributes.function)) return;
  throw new MpoError(
    "unsupported",
    `model ${model}: "${name}" pads a map that may have values below zero; layers of Keras cannot say that`,
    { hint: "Keep the model in ONNX." },
  );
}

const SCALE_WINDOW = {
  kernelSize: [1, 1],
  strides: [1, 1],
  padding: "valid",
  dilation: [1, 1],
} as const;

function putLayer(
  state: ExportState,
  className: string,
  name: string,
  inputs: readonly string[],
  config: object,
): string {
  // Keras' own input layer takes no `trainable`.
  const trained = className === "InputLayer" ? {} : { trainable: true };
  state.layers.push({ name, className, inputs, config: { name, ...trained, ...config } });
  return name;
}

/** A layer name that no node has. */
function helper({ names }: ExportState, node: string, suffix: string): string {
  let name = `${node}_tfjs_${suffix}`;
  while (names.has(name)) name += "_";
  names.add(name);
  return name;
}
