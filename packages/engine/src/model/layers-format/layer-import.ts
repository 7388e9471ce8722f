import { MpoError } from "@mpo/core";
import { z } from "zod";
import { elementsOf, type SampleShape } from "../model-graph.ts";
import { ACTIVATION_LAYERS } from "./activation-import.ts";
import { ARITHMETIC_LAYERS, withConstants } from "./arithmetic-import.ts";
import { activationOf } from "./layer-activation.ts";
import {
  type ActivationJson,
  activationName,
  axisNumber,
  channelsLast,
  convFields,
  epsilon,
  flag,
  hasEqualSteps,
  noiseShape,
  paddingName,
  paddings,
  size,
  whole,
  windowOf,
} from "./layer-fields.ts";
import {
  chained,
  type LayerImport,
  type LayerPlace,
  layer,
  oneNode,
  onlyInput,
  onMap,
  requireLastAxis,
} from "./layer-place.ts";
import { TOKEN_LAYERS } from "./token-import.ts";

/** Every layer class that a model may have. */
const IMPORTS: Readonly<Record<string, LayerImport>> = {
  Conv2D: layer(z.object({ filters: whole, groups: whole.default(1), ...convFields }), (config, place) => {
    const { filters, groups, use_bias: useBias } = config;
    // Written as a group for each channel, as ConvNeXt is: stock TensorFlow.js has depthwise convolutions, but no groups.
    const { g, name, inputs } = place;
    const isAlone = place.groups === undefined && groups > 1 && groups === filters && hasEqualSteps(config);
    const isDepthwise = isAlone && g.shapeOf(onlyInput(inputs)).at(-1) === groups;
    const window = windowOf(config);
    const node = isDepthwise
      ? g.append("depthwiseConv2d", inputs, { ...window, depthMultiplier: 1, useBias }, name)
      : g.append("conv2d", inputs, { filters, ...window, groups: place.groups ?? groups, useBias }, name);
    return activated(place, node, config.activation);
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
  Dense: layer(z.object({ units: whole, use_bias: flag, activation: activationName }), (config, place) => {
    const { units, use_bias: useBias, activation } = config;
    const { g, name } = place;
    const node =
      g.shapeOf(onlyInput(place.inputs)).length === 1
        ? g.append("dense", place.inputs, { units, useBias }, name)
        : onMap(place, (x) => g.conv2d(x, { filters: units, kernelSize: 1, useBias }, name));
    return activated(place, node, activation);
  }),
  BatchNormalization: layer(
    z.object({ axis: axisNumber, epsilon, momentum: z.number().default(0.99), scale: flag, center: flag }),
    ({ axis, ...attributes }, place) => {
      requireLastAxis(axis, place);
      return onMap(place, (x) => place.g.append("batchNorm", [x], attributes, place.name));
    },
  ),
  LayerNormalization: oneNode(
    "layerNorm",
    z.object({ axis: axisNumber, epsilon, scale: flag, center: flag }),
    ({ axis, ...attributes }, place) => {
      requireLastAxis(axis, place);
      return attributes;
    },
  ),
  GroupNormalization: oneNode(
    "groupNorm",
    z.object({ axis: z.number().default(-1), groups: whole.default(32), epsilon, scale: flag, center: flag }),
    ({ axis, ...attributes }, place) => {
      requireLastAxis(axis, place);
      return attributes;
    },
  ),
  Activation: layer(z.object({ activation: activationName }), ({ activation }, place) => {
    if (typeof activation === "object" && activation !== null) {
      return importLayer(activation.class_name, activation.config, place);
    }
    return place.g.append(
      "activation",
      place.inputs,
      activationOf(activation ?? "linear", place.kerasVersion),
      place.name,
    );
  }),
  Add: layer(z.object({}), (_config, { g, name, inputs }) =>
    chained(name, inputs, (left, right, own) => g.add(left, right, own)),
  ),
  Average: layer(z.object({}), (_config, { g, name, inputs }) => {
    const sum = chained(`${name}_sum`, inputs, (left, right, own) => g.add(left, right, own));
    return g.append("affine", [sum], { scale: [1 / inputs.length], offset: [0] }, name);
  }),
  Multiply: layer(z.object({}), (_config, { g, name, inputs }) =>
    chained(name, inputs, (left, right, own) => g.multiply(left, right, own)),
  ),
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
  GlobalMaxPooling2D: layer(
    z.object({ keepdims: z.boolean().default(false), data_format: channelsLast }),
    ({ keepdims }, { g, name, inputs }) => {
      const [height = 1, width = 1, channels = 1] = g.shapeOf(onlyInput(inputs));
      const most = g.maxPool(onlyInput(inputs), { poolSize: [height, width], padding: "valid" }, name);
      return keepdims ? most : g.reshape(most, [channels], `${name}_flat`);
    },
  ),
  UpSampling2D: oneNode(
    "upsample",
    z.object({
      size: size.default([2, 2]),
      interpolation: z.literal("nearest", "only nearest is supported").default("nearest"),
      data_format: channelsLast,
    }),
    ({ size: factors }) => ({ factors }),
  ),
  ZeroPadding2D: oneNode("zeroPad", z.object({ padding: paddings(), data_format: channelsLast }), ({ padding }) => ({
    padding,
  })),
  Flatten: layer(z.object({ data_format: channelsLast }), (_config, { g, name, inputs }) =>
    g.flatten(onlyInput(inputs), name),
  ),
  Permute: layer(z.object({ dims: z.array(whole) }), ({ dims }, { g, name, inputs }) => {
    const split = g.shapeOf(onlyInput(inputs));
    const order = dims.map((axis) => axis - 1);
    return g.rearrange(onlyInput(inputs), { split, order, shape: order.map((axis) => split[axis] ?? 0) }, name);
  }),
  Reshape: layer(z.object({ target_shape: z.array(z.number().int()) }), (config, { g, name, inputs }) =>
    g.reshape(onlyInput(inputs), resolved(config.target_shape, g.shapeOf(onlyInput(inputs))), name),
  ),
  Dropout: oneNode(
    "dropout",
    z.object({ rate: z.number(), noise_shape: noiseShape }),
    ({ rate, noise_shape: whole }) => (whole === null ? { rate } : { rate, whole }),
  ),
  StochasticDepth: oneNode("dropout", z.object({ drop_path_rate: z.number() }), ({ drop_path_rate: rate }) => ({
    rate,
    whole: "samples",
  })),
  SpatialDropout2D: oneNode("dropout", z.object({ rate: z.number(), data_format: channelsLast }), ({ rate }) => ({
    rate,
    whole: "channels",
  })),
  ...ACTIVATION_LAYERS,
  ...ARITHMETIC_LAYERS,
  ...TOKEN_LAYERS,
};

/** Layers that change what passes in Keras' own training only, or nothing at all. */
const DOES_NOTHING =
  /^(?:Random(?!Crop|Height|Width)\w+|RandAugment|AugMix|MixUp|CutMix|GaussianNoise|GaussianDropout|ActivityRegularization|Identity)$/;

/** Adds a layer of the file to the graph and gives the name of its last node. Throws `unsupported` or `invalid-data`. */
export function importLayer(className: string, config: unknown, place: LayerPlace): string {
  if (DOES_NOTHING.test(className)) return onlyInput(place.inputs);
  if (place.constants.length > 0) return withConstants(className, place);
  const add = IMPORTS[className];
  if (add === undefined) {
    throw new MpoError(
      "unsupported",
      `layers of class ${className} are not supported; supported are InputLayer, ${Object.keys(IMPORTS).join(", ")}`,
    );
  }
  return add(config, place);
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

/** A layer's own activation becomes a node after it. */
function activated(place: LayerPlace, node: string, activation: ActivationJson): string {
  const name = `${place.name}_activation`;
  if (typeof activation === "object" && activation !== null) {
    return importLayer(activation.class_name, activation.config, { ...place, name, inputs: [node] });
  }
  const attributes = activationOf(activation ?? "linear", place.kerasVersion);
  return attributes.function === "linear" ? node : place.g.append("activation", [node], attributes, name);
}

/** Fills in a -1 of a target shape. */
function resolved(target: readonly number[], from: SampleShape): SampleShape {
  const known = elementsOf(target.filter((extent) => extent !== -1));
  return target.map((extent) => (extent === -1 ? elementsOf(from) / known : extent));
}
