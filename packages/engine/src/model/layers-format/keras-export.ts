import { MpoError } from "@mpo/core";
import { DEFAULT_HARD_SIGMOID_SLOPE } from "../../ops/activation.ts";
import { edged } from "../../ops/window.ts";
import { inputShapesOf, sampleShapes } from "../graph-shapes.ts";
import type { Model, ModelGraph, ModelNode, OpAttributes, SampleShape } from "../model-graph.ts";
import { graphVariables } from "../variables.ts";
import { storedActivation } from "./layer-activation.ts";
import { isWindow, requireNoNegatives, type WindowNode } from "./layer-export.ts";
import { type LayerJson, withPaths } from "./layers-structure.ts";
import { stockLayer } from "./stock-layer.ts";

/** A model as Keras 3 has it. */
export interface KerasModel {
  /** Content of `config.json`. */
  readonly config: object;
  /** Variables by their path in `model.weights.h5`, such as `layers/conv2d_1/vars/0`. */
  readonly variables: ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>;
}

/** A layer with the shapes of a sample before and after it, and the node whose variables it has. */
interface KerasLayer extends LayerJson {
  readonly outputShape: SampleShape;
  readonly inputShape: SampleShape;
  readonly node: string;
}

/** Layers whose own constructor takes no `trainable`. */
const UNTRAINABLE: ReadonlySet<string> = new Set(["InputLayer", "SpatialDropout2D"]);
/** Layers that Keras calls with a list. */
const JOINS: ReadonlySet<string> = new Set(["Add", "Multiply", "Concatenate"]);

/**
 * Expresses a model by layers of Keras 3, one for each node; a hardSigmoid of another slope than 1/6 is two. Keras numbers
 * weights by the order in which it sorts layers, so they stand in that order.
 */
export function exportKeras({ graph, weights }: Model): KerasModel {
  const shapes = sampleShapes(graph);
  const names = kerasNames(graph);
  const layers = graph.nodes.flatMap((node) => layersOf(graph, node, names, shapes));
  const output = names.get(graph.output)!;
  const sorted = asKerasSorts(layers, output);
  const paths = new Map(withPaths(sorted).map(({ name, path }) => [name, path]));
  const positions = new Map<string, number>();
  const variables = new Map<string, { readonly shape: readonly number[]; readonly values: Float32Array }>();
  for (const { name, node, spec } of graphVariables(graph)) {
    const position = positions.get(node) ?? 0;
    positions.set(node, position + 1);
    const path = `${paths.get(names.get(node)!)}/vars/${position}`;
    variables.set(path, { shape: spec.shape, values: weights.get(name)! });
  }
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const config = {
    module: "keras.src.models.functional",
    class_name: "Functional",
    config: {
      name: graph.name,
      trainable: true,
      layers: sorted.map((layer) => entryOf(layer, byName)),
      input_layers: [[sorted.find(({ inputs }) => inputs.length === 0)!.name, 0, 0]],
      output_layers: [[output, 0, 0]],
    },
    registered_name: "Functional",
    build_config: { input_shape: null },
  };
  return { config, variables };
}

/** Keras allows no slash in a name. */
function kerasNames({ nodes }: ModelGraph): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  return new Map(
    nodes.map(({ name }) => {
      let own = name.replaceAll("/", "_");
      while (taken.has(own)) own += "_";
      taken.add(own);
      return [name, own];
    }),
  );
}

function layersOf(
  graph: ModelGraph,
  node: ModelNode,
  names: ReadonlyMap<string, string>,
  shapes: ReadonlyMap<string, SampleShape>,
): readonly KerasLayer[] {
  const [inputShape = []] = inputShapesOf(node, shapes);
  const own = names.get(node.name)!;
  const common = { inputShape, outputShape: shapes.get(node.name)!, node: node.name };
  const inputs = node.inputs.map((input) => names.get(input)!);
  const put = (className: string, config: object, name = own, from = inputs): KerasLayer => {
    const trained = UNTRAINABLE.has(className) ? {} : { trainable: true };
    return { ...common, name, className, inputs: from, config: { name, ...trained, dtype: "float32", ...config } };
  };
  const before = (ending: string): string => {
    let name = `${own}_${ending}`;
    while ([...names.values()].includes(name)) name += "_";
    return name;
  };
  if (node.kind === "activation" && node.attributes.function === "hardSigmoid") {
    const scale = (node.attributes.slope ?? DEFAULT_HARD_SIGMOID_SLOPE) / DEFAULT_HARD_SIGMOID_SLOPE;
    const activation = { activation: "hard_sigmoid" };
    if (scale === 1) return [put("Activation", activation)];
    const steeper = before("scaled");
    return [put("Rescaling", { scale, offset: 0 }, steeper), put("Activation", activation, own, [steeper])];
  }
  if (node.kind === "rearrange") {
    const { split, order, shape } = node.attributes;
    const [apart, moved] = [before("split"), before("moved")];
    const movedShape = order.map((axis) => split[axis]!);
    return [
      { ...put("Reshape", { target_shape: split }, apart), outputShape: split },
      { ...put("Permute", { dims: order.map((axis) => axis + 1) }, moved, [apart]), outputShape: movedShape },
      put("Reshape", { target_shape: shape }, own, [moved]),
    ];
  }
  if (isWindow(node) && typeof node.attributes.padding !== "string") {
    const { padding } = node.attributes;
    if (node.kind === "maxPool") requireNoNegatives(graph, node.name, node.inputs[0]!);
    const zeros = before("zeros");
    const { shape } = edged(node.attributes, inputShape);
    const valid = { ...node, attributes: { ...node.attributes, padding: "valid" } } as WindowNode;
    const pads = put("ZeroPadding2D", { padding, data_format: "channels_last" }, zeros);
    return [
      { ...pads, outputShape: shape },
      { ...put(...kerasLayer(valid, graph), own, [zeros]), inputShape: shape },
    ];
  }
  return [put(...kerasLayer(node, graph))];
}

/** Class and configuration of the layer that stands for a node, where Keras 3 differs from TensorFlow.js. */
function kerasLayer(
  node: Exclude<ModelNode, { kind: "rearrange" }>,
  { name: model }: ModelGraph,
): readonly [className: string, config: object] {
  switch (node.kind) {
    case "attention":
    case "layerScale":
    case "classToken":
    case "positions":
    case "reduce":
    case "slice":
      throw new MpoError("unsupported", `model ${model}: Keras has no layer for "${node.name}" (${node.kind})`, {
        hint: "Write it as ONNX or as a layers model.",
      });
    case "l2Normalise":
      return ["UnitNormalization", { axis: -1 }];
    case "activation":
      return activationLayer(node.attributes);
    case "affine": {
      const [scale, offset] = [node.attributes.scale, node.attributes.offset].map(oneOrAll);
      return ["Rescaling", { scale, offset }];
    }
    case "input":
      return ["InputLayer", { batch_shape: [null, ...node.attributes.shape], sparse: false }];
    case "conv2d": {
      const [className, config] = stockLayer(node);
      return [className, { ...config, groups: node.attributes.groups }];
    }
    case "globalAvgPool": {
      const [className, config] = stockLayer(node);
      return [className, { ...config, keepdims: node.attributes.keepDims }];
    }
    case "dropout": {
      const { rate, whole } = node.attributes;
      return whole === "channels" ? ["SpatialDropout2D", { rate, data_format: "channels_last" }] : stockLayer(node);
    }
    case "depthwiseConv2d":
    case "dense":
    case "batchNorm":
    case "groupNorm":
    case "layerNorm":
    case "prelu":
    case "add":
    case "multiply":
    case "concat":
    case "maxPool":
    case "avgPool":
    case "zeroPad":
    case "reshape":
    case "upsample":
      return stockLayer(node);
  }
}

function activationLayer({
  function: own,
  slope,
  most,
  axis,
}: OpAttributes["activation"]): readonly [className: string, config: object] {
  if (axis !== undefined) return ["Softmax", { axis: axis + 1 }];
  if (own === "leakyRelu") return ["LeakyReLU", { negative_slope: slope ?? 0 }];
  if (own === "clippedRelu") return ["ReLU", { max_value: most, negative_slope: 0, threshold: 0 }];
  return ["Activation", { activation: storedActivation(own) }];
}

function oneOrAll(numbers: readonly number[]): number | readonly number[] {
  return numbers.length === 1 ? numbers[0]! : numbers;
}

/**
 * By the longest way to the output, the farthest first; of equally far ones by when they are met on the way back from the
 * output: as `map_graph` of Keras' `function.py` does.
 */
function asKerasSorts(layers: readonly KerasLayer[], output: string): readonly KerasLayer[] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const depths = new Map(layers.map(({ name }) => [name, 0]));
  for (const { name, inputs } of layers.toReversed()) {
    for (const input of inputs) depths.set(input, Math.max(depths.get(input)!, depths.get(name)! + 1));
  }
  const met = new Map<string, number>();
  // A stack of our own: models are deeper than the program's.
  const stack = [output];
  while (stack.length > 0) {
    const name = stack.pop()!;
    if (met.has(name)) continue;
    met.set(name, met.size);
    stack.push(...byName.get(name)!.inputs.toReversed());
  }
  const place = ({ name }: KerasLayer): number => met.get(name) ?? met.size;
  return layers.toSorted(
    (left, right) => depths.get(right.name)! - depths.get(left.name)! || place(left) - place(right),
  );
}

function entryOf(layer: KerasLayer, byName: ReadonlyMap<string, KerasLayer>): object {
  const { name, className, config, inputs, inputShape } = layer;
  const tensors = inputs.map((input) => ({
    class_name: "__keras_tensor__",
    config: {
      shape: [null, ...byName.get(input)!.outputShape],
      dtype: "float32",
      keras_history: [input, 0, 0],
    },
  }));
  const args = JOINS.has(className) ? [tensors] : tensors;
  const shapes = inputs.map((input) => [null, ...byName.get(input)!.outputShape]);
  const built = JOINS.has(className) ? shapes : [null, ...inputShape];
  return {
    module: "keras.layers",
    class_name: className,
    config,
    registered_name: null,
    ...(inputs.length === 0 ? {} : { build_config: { input_shape: built } }),
    name,
    inbound_nodes: inputs.length === 0 ? [] : [{ args, kwargs: {} }],
  };
}
