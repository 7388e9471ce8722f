import { DEFAULT_HARD_SIGMOID_SLOPE } from "../../ops/activation.ts";
import { inputShapesOf, sampleShapes } from "../graph-shapes.ts";
import { elementsOf, type Model, type ModelNode, type OpAttributes, type SampleShape } from "../model-graph.ts";
import { graphVariables } from "../variables.ts";
import type { Expansion, ExportMetadata } from "./export-metadata.ts";
import { toBlockDiagonal } from "./grouped-kernel.ts";
import { KERAS2_SLOPE, storedActivation } from "./layer-import.ts";
import type { LayerJson } from "./layers-structure.ts";

/** A weight to be stored; `values` makes it when it is written, so that block-diagonal kernels do not pile up. */
export interface ExportedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: () => Float32Array;
}

/** A model as stock layers of TensorFlow.js (and `GroupNormalization`). */
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
 * dimensions with a reshape.
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
  } else if (node.kind === "globalAvgPool" && node.attributes.keepDims) {
    const pooled = helper(state, name, "flat");
    putLayer(state, "GlobalAveragePooling2D", pooled, [input], CHANNELS_LAST);
    putLayer(state, "Reshape", name, [pooled], { target_shape: outputShape });
    const layers = [pooled, name];
    state.expansions.push({ kind: "globalAvgPool", name, input, layers, attributes: node.attributes });
  } else {
    if (node.kind === "conv2d" && node.attributes.groups > 1) state.groups[name] = node.attributes.groups;
    const [className, config] = stockLayer(node);
    putLayer(state, className, name, node.inputs, config);
  }
}

const CHANNELS_LAST = { data_format: "channels_last" } as const;

/** Class and configuration of the one layer that stands for a node. */
function stockLayer(node: Exclude<ModelNode, { kind: "activation" }>): readonly [className: string, config: object] {
  switch (node.kind) {
    case "input":
      return ["InputLayer", { batch_input_shape: [null, ...node.attributes.shape], dtype: "float32", sparse: false }];
    case "conv2d":
      return ["Conv2D", { filters: node.attributes.filters, ...convConfig(node.attributes) }];
    case "depthwiseConv2d":
      return ["DepthwiseConv2D", { depth_multiplier: node.attributes.depthMultiplier, ...convConfig(node.attributes) }];
    case "dense":
      return ["Dense", { units: node.attributes.units, use_bias: node.attributes.useBias, activation: "linear" }];
    case "batchNorm":
      return ["BatchNormalization", { axis: -1, ...node.attributes }];
    case "groupNorm":
      return ["GroupNormalization", { axis: -1, ...node.attributes }];
    case "add":
      return ["Add", {}];
    case "multiply":
      return ["Multiply", {}];
    case "concat":
      return ["Concatenate", { axis: -1 }];
    case "maxPool":
    case "avgPool": {
      const { poolSize, strides, padding } = node.attributes;
      const className = node.kind === "maxPool" ? "MaxPooling2D" : "AveragePooling2D";
      return [className, { pool_size: poolSize, strides, padding, ...CHANNELS_LAST }];
    }
    case "globalAvgPool":
      return ["GlobalAveragePooling2D", CHANNELS_LAST];
    case "zeroPad":
      return ["ZeroPadding2D", { padding: node.attributes.padding, ...CHANNELS_LAST }];
    case "reshape":
      return ["Reshape", { target_shape: node.attributes.shape }];
    case "dropout":
      return ["Dropout", { rate: node.attributes.rate }];
  }
}

function exportActivation(
  state: ExportState,
  name: string,
  input: string,
  attributes: OpAttributes["activation"],
  shape: SampleShape,
): void {
  const slope = attributes.slope ?? DEFAULT_HARD_SIGMOID_SLOPE;
  const isStockSigmoid = attributes.function === "hardSigmoid" && slope === KERAS2_SLOPE;
  if (isStockSigmoid || (attributes.function !== "hardSigmoid" && attributes.function !== "hardSwish")) {
    putLayer(state, "Activation", name, [input], { activation: storedActivation(attributes.function) });
    return;
  }
  const begin = state.layers.length;
  if (attributes.function === "hardSigmoid") {
    putHardSigmoid(state, name, name, input, shape, slope);
  } else {
    const gate = helper(state, name, "gate");
    putHardSigmoid(state, name, gate, input, shape, DEFAULT_HARD_SIGMOID_SLOPE);
    putLayer(state, "Multiply", name, [input, gate], {});
  }
  const layers = state.layers.slice(begin).map((layer) => layer.name);
  state.expansions.push({ kind: "activation", name, input, layers, attributes });
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
  const isImage = shape.length === 3;
  const channels = isImage ? shape[2]! : elementsOf(shape);
  let x = input;
  if (!isImage) {
    const square = helper(state, node, "square");
    x = putLayer(state, "Reshape", square, [x], { target_shape: [1, 1, channels] });
  }
  const scale = helper(state, node, "scale");
  const config = { depth_multiplier: 1, ...convConfig(SCALE_WINDOW), trainable: false };
  x = putLayer(state, "DepthwiseConv2D", scale, [x], config);
  state.weights.push({
    name: `${scale}/depthwise_kernel`,
    shape: [1, 1, channels, 1],
    values: () => new Float32Array(channels).fill(slope / KERAS2_SLOPE),
  });
  const isLast = isImage;
  const sigmoid = isLast ? last : helper(state, node, "sigmoid");
  x = putLayer(state, "Activation", sigmoid, [x], { activation: "hard_sigmoid" });
  if (!isLast) putLayer(state, "Reshape", last, [x], { target_shape: shape });
}

const SCALE_WINDOW = {
  kernelSize: [1, 1],
  strides: [1, 1],
  padding: "valid",
  dilation: [1, 1],
  useBias: false,
} as const;

function putLayer(
  state: ExportState,
  className: string,
  name: string,
  inputs: readonly string[],
  config: object,
): string {
  state.layers.push({ name, className, inputs, config: { name, trainable: true, ...config } });
  return name;
}

/** A layer name that no node has. */
function helper({ names }: ExportState, node: string, suffix: string): string {
  let name = `${node}_tfjs_${suffix}`;
  while (names.has(name)) name += "_";
  names.add(name);
  return name;
}

function convConfig({
  kernelSize,
  strides,
  padding,
  dilation,
  useBias,
}: OpAttributes["depthwiseConv2d" | "conv2d"] | typeof SCALE_WINDOW): Readonly<Record<string, unknown>> {
  return {
    kernel_size: kernelSize,
    strides,
    padding,
    dilation_rate: dilation,
    data_format: "channels_last",
    use_bias: useBias,
    activation: "linear",
  };
}
