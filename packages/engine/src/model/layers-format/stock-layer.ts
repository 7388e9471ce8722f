import type { ModelNode, WindowAttributes } from "../model-graph.ts";

/** Layers of ours, which neither Keras nor TensorFlow.js has: with the attributes of their nodes. */
export const OWN_CLASSES = {
  attention: "MpoAttention",
  layerScale: "MpoLayerScale",
  classToken: "MpoClassToken",
  positions: "MpoPositions",
  reduce: "MpoReduce",
  slice: "MpoSlice",
} as const;

/** Masks of a dropout; null stands for the extent of the input. */
const NOISE_SHAPES = { channels: [null, 1, 1, null], samples: [null, 1, 1, 1] } as const;
export const CHANNELS_LAST = { data_format: "channels_last" } as const;

/** Class and configuration of the one layer that stands for a node. */
export function stockLayer(
  node: Exclude<ModelNode, { kind: "activation" | "affine" | "rearrange" }>,
): readonly [className: string, config: object] {
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
    case "layerNorm":
      return ["LayerNormalization", { axis: -1, ...node.attributes }];
    case "prelu":
      return ["PReLU", { shared_axes: node.attributes.sharedAxes.map((axis) => axis + 1) }];
    case "upsample":
      return ["UpSampling2D", { size: node.attributes.factors, interpolation: "nearest", ...CHANNELS_LAST }];
    case "attention":
    case "layerScale":
    case "classToken":
    case "positions":
    case "reduce":
    case "slice":
      return [OWN_CLASSES[node.kind], node.attributes];
    case "l2Normalise":
      return ["UnitNormalization", { axis: -1, ...node.attributes }];
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
    case "dropout": {
      const { rate, whole } = node.attributes;
      return ["Dropout", whole === undefined ? { rate } : { rate, noise_shape: NOISE_SHAPES[whole] }];
    }
  }
}

export function convConfig({
  kernelSize,
  strides,
  padding,
  dilation,
  useBias,
}: WindowAttributes & { readonly useBias: boolean }): Readonly<Record<string, unknown>> {
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
