import { MpoError } from "@mpo/core";
import { z } from "zod";
import type { GraphBuilder } from "../graph-builder.ts";
import type { ActivationName, OpAttributes, OpKind, SampleShape, Size2D, WindowAttributes } from "../model-graph.ts";

/** Where an imported layer is put. Messages need not name the layer; the caller does. */
export interface LayerPlace {
  readonly g: GraphBuilder;
  /** Name of the layer and of its main node. */
  readonly name: string;
  /** Nodes that it reads. */
  readonly inputs: readonly string[];
  readonly kerasVersion: string;
  /** Channel groups of an ordinary convolution that stands for a grouped one. */
  readonly groups: number | undefined;
  /** Says in which stored weight a node's variable lies, when not in the one of the same name. */
  readonly weightFrom: (variable: string, storedName: string) => void;
}

/** Adds the nodes of a layer and gives the name of the last. */
type LayerImport = (config: unknown, place: LayerPlace) => string;

/** HARD_SIGMOID of Keras 2 and TensorFlow.js, `clip(0.2 x + 0.5, 0, 1)`; Keras 3 has 1/6. */
export const KERAS2_SLOPE = 0.2;

const ACTIVATIONS: Readonly<Record<string, ActivationName>> = {
  linear: "linear",
  relu: "relu",
  relu6: "relu6",
  sigmoid: "sigmoid",
  tanh: "tanh",
  swish: "swish",
  silu: "swish",
  hard_sigmoid: "hardSigmoid",
  hard_swish: "hardSwish",
  hard_silu: "hardSwish",
  softmax: "softmax",
};

const whole = z.number().int().positive();
const size = z.union([whole.transform((extent): Size2D => [extent, extent]), z.tuple([whole, whole])]);
const paddingName = z.enum(["same", "valid"]);
const channelsLast = z.literal("channels_last").nullish();
const flag = z.boolean().default(true);
const activationName = z.string().nullish();
const convFields = {
  kernel_size: size,
  strides: size.default([1, 1]),
  padding: paddingName.default("valid"),
  dilation_rate: size.default([1, 1]),
  data_format: channelsLast,
  use_bias: flag,
  activation: activationName,
};

/** Every layer class that a model may have. */
const IMPORTS: Readonly<Record<string, LayerImport>> = {
  Conv2D: layer(z.object({ filters: whole, groups: whole.default(1), ...convFields }), (config, place) => {
    const { filters, groups, use_bias: useBias } = config;
    const attributes = { filters, ...windowOf(config), groups: place.groups ?? groups, useBias };
    return activated(place, place.g.append("conv2d", place.inputs, attributes, place.name), config.activation);
  }),
  DepthwiseConv2D: layer(z.object({ depth_multiplier: whole.default(1), ...convFields }), (config, place) => {
    const attributes = { ...windowOf(config), depthMultiplier: config.depth_multiplier, useBias: config.use_bias };
    return activated(place, place.g.append("depthwiseConv2d", place.inputs, attributes, place.name), config.activation);
  }),
  SeparableConv2D: layer(
    z.object({ filters: whole, depth_multiplier: whole.default(1), ...convFields }),
    (config, place) => {
      const { g, name, inputs } = place;
      const depthwise = { ...windowOf(config), depthMultiplier: config.depth_multiplier, useBias: false };
      const wide = g.append("depthwiseConv2d", inputs, depthwise, `${name}_depthwise`);
      place.weightFrom(`${name}_depthwise/depthwise_kernel`, `${name}/depthwise_kernel`);
      place.weightFrom(`${name}/kernel`, `${name}/pointwise_kernel`);
      const pointwise = { filters: config.filters, kernelSize: 1, useBias: config.use_bias };
      return activated(place, g.conv2d(wide, pointwise, name), config.activation);
    },
  ),
  Dense: layer(z.object({ units: whole, use_bias: flag, activation: activationName }), (config, place) =>
    activated(
      place,
      place.g.append("dense", place.inputs, { units: config.units, useBias: config.use_bias }, place.name),
      config.activation,
    ),
  ),
  BatchNormalization: oneNode(
    "batchNorm",
    z.object({
      axis: z.union([z.number(), z.tuple([z.number()]).transform(([axis]) => axis)]).default(-1),
      epsilon: z.number().default(1e-3),
      momentum: z.number().default(0.99),
      scale: flag,
      center: flag,
    }),
    ({ axis, ...attributes }, place) => {
      requireLastAxis(axis, place);
      return attributes;
    },
  ),
  GroupNormalization: oneNode(
    "groupNorm",
    z.object({
      axis: z.number().default(-1),
      groups: whole.default(32),
      epsilon: z.number().default(1e-3),
      scale: flag,
      center: flag,
    }),
    ({ axis, ...attributes }, place) => {
      requireLastAxis(axis, place);
      return attributes;
    },
  ),
  Activation: oneNode("activation", z.object({ activation: z.string() }), ({ activation }, { kerasVersion }) =>
    activationOf(activation, kerasVersion),
  ),
  ReLU: oneNode(
    "activation",
    z.object({
      max_value: z.union([z.null(), z.literal(6)], "only none or 6 is supported").default(null),
      negative_slope: z.literal(0, "only 0 is supported").nullish(),
      threshold: z.literal(0, "only 0 is supported").nullish(),
    }),
    (config) => ({ function: config.max_value === 6 ? "relu6" : "relu" }),
  ),
  Softmax: oneNode("activation", z.object({ axis: z.number().default(-1) }), ({ axis }, place) => {
    requireLastAxis(axis, place);
    return { function: "softmax" };
  }),
  Add: layer(z.object({}), (_config, { g, name, inputs }) =>
    chained(name, inputs, (left, right, own) => g.add(left, right, own)),
  ),
  Multiply: layer(z.object({}), (_config, { g, name, inputs }) => {
    const isGate = (node: string): boolean =>
      g.shapeOf(node).length === 3 && g.shapeOf(node).slice(0, 2).join() === "1,1";
    return chained(
      name,
      inputs.toSorted((left, right) => Number(isGate(left)) - Number(isGate(right))),
      (left, right, own) => g.multiply(left, right, own),
    );
  }),
  Concatenate: oneNode("concat", z.object({ axis: z.number().default(-1) }), ({ axis }, place) => {
    requireLastAxis(axis, place);
    return {};
  }),
  MaxPooling2D: pooling("maxPool"),
  AveragePooling2D: pooling("avgPool"),
  GlobalAveragePooling2D: oneNode(
    "globalAvgPool",
    z.object({ keepdims: z.boolean().default(false), data_format: channelsLast }),
    ({ keepdims }) => ({ keepDims: keepdims }),
  ),
  ZeroPadding2D: oneNode("zeroPad", z.object({ padding: paddings(), data_format: channelsLast }), ({ padding }) => ({
    padding,
  })),
  Flatten: layer(z.object({ data_format: channelsLast }), (_config, { g, name, inputs }) =>
    g.flatten(onlyInput(inputs), name),
  ),
  Reshape: layer(z.object({ target_shape: z.array(z.number().int()) }), (config, { g, name, inputs }) =>
    g.reshape(onlyInput(inputs), resolved(config.target_shape, g.shapeOf(onlyInput(inputs))), name),
  ),
  Dropout: oneNode("dropout", z.object({ rate: z.number() }), ({ rate }) => ({ rate })),
};

/** Adds a layer of the file to the graph and gives the name of its last node. Throws `unsupported` or `invalid-data`. */
export function importLayer(className: string, config: unknown, place: LayerPlace): string {
  const add = IMPORTS[className];
  if (add === undefined) {
    throw new MpoError(
      "unsupported",
      `layers of class ${className} are not supported; supported are InputLayer, ${Object.keys(IMPORTS).join(", ")}`,
    );
  }
  return add(config, place);
}

function layer<T>(schema: z.ZodType<T>, add: (config: T, place: LayerPlace) => string): LayerImport {
  return (config, place) => {
    const result = schema.safeParse(config);
    if (result.success) return add(result.data, place);
    const [issue] = result.error.issues;
    const found = issue?.path.reduce((value: unknown, key) => (value as Record<PropertyKey, unknown>)?.[key], config);
    throw new MpoError("unsupported", `${issue?.path.join(".")} is ${JSON.stringify(found)}: ${issue?.message}`, {
      cause: result.error,
    });
  };
}

/** A layer that becomes one node, with the attributes that its configuration says. */
function oneNode<T, Kind extends OpKind>(
  kind: Kind,
  schema: z.ZodType<T>,
  attributesOf: (config: T, place: LayerPlace) => OpAttributes[Kind],
): LayerImport {
  return layer(schema, (config, place) => place.g.append(kind, place.inputs, attributesOf(config, place), place.name));
}

interface ConvConfig {
  readonly kernel_size: Size2D;
  readonly strides: Size2D;
  readonly padding: "same" | "valid";
  readonly dilation_rate: Size2D;
}

function windowOf(config: ConvConfig): WindowAttributes {
  const { kernel_size: kernelSize, strides, padding, dilation_rate: dilation } = config;
  return { kernelSize, strides, padding, dilation };
}

function pooling(kind: "maxPool" | "avgPool"): LayerImport {
  const schema = z.object({
    pool_size: size.default([2, 2]),
    strides: size.nullish(),
    padding: paddingName.default("valid"),
    data_format: channelsLast,
  });
  return oneNode(kind, schema, ({ pool_size: poolSize, strides, padding }) => {
    return { poolSize, strides: strides ?? poolSize, padding };
  });
}

function paddings(): z.ZodType<readonly [Size2D, Size2D]> {
  const count = z.number().int().nonnegative();
  return z.union([
    z.tuple([z.tuple([count, count]), z.tuple([count, count])]),
    z.tuple([count, count]).transform(([rows, columns]): [Size2D, Size2D] => [
      [rows, rows],
      [columns, columns],
    ]),
    count.transform((extent): [Size2D, Size2D] => [
      [extent, extent],
      [extent, extent],
    ]),
  ]);
}

/** A layer's own activation becomes a node after it. */
function activated({ g, name, kerasVersion }: LayerPlace, node: string, activation: string | null | undefined): string {
  const attributes = activationOf(activation ?? "linear", kerasVersion);
  return attributes.function === "linear" ? node : g.append("activation", [node], attributes, `${name}_activation`);
}

function activationOf(name: string, kerasVersion: string): OpAttributes["activation"] {
  const own = ACTIVATIONS[name];
  if (own === undefined) {
    const known = Object.keys(ACTIVATIONS).join(", ");
    throw new MpoError("unsupported", `activation "${name}" is not supported; supported are ${known}`);
  }
  return own === "hardSigmoid" && !kerasVersion.startsWith("3.")
    ? { function: own, slope: KERAS2_SLOPE }
    : { function: own };
}

/** What files call an activation. */
export function storedActivation(name: ActivationName): string | undefined {
  return Object.keys(ACTIVATIONS).find((stored) => ACTIVATIONS[stored] === name);
}

/** Layers join any number of inputs, our nodes two. */
function chained(
  name: string,
  inputs: readonly string[],
  join: (left: string, right: string, name: string) => string,
): string {
  const [first = "", ...rest] = inputs;
  if (rest.length === 0) throw new MpoError("unsupported", `it has ${inputs.length} inputs; expected two or more`);
  return rest.reduce(
    (left, right, index) => join(left, right, index === rest.length - 1 ? name : `${name}_${index + 1}`),
    first,
  );
}

function requireLastAxis(axis: number, { g, inputs }: LayerPlace): void {
  // The file counts the batch as axis 0.
  const rank = g.shapeOf(onlyInput(inputs)).length;
  if (axis !== -1 && axis !== rank) {
    throw new MpoError("unsupported", `axis is ${axis}; expected the last (-1 or ${rank}), channels last`);
  }
}

function onlyInput([input]: readonly string[]): string {
  if (input === undefined) throw new MpoError("invalid-data", "it has no input; expected one");
  return input;
}

/** Fills in a -1 of a target shape. */
function resolved(target: readonly number[], from: SampleShape): SampleShape {
  const product = (shape: readonly number[]): number => shape.reduce((result, extent) => result * extent, 1);
  const known = product(target.filter((extent) => extent !== -1));
  return target.map((extent) => (extent === -1 ? product(from) / known : extent));
}
