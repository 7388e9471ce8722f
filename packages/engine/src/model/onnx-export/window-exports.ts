import type { OpAttributes, SampleShape, WindowAttributes } from "../model-graph.ts";
import { transposed } from "../transposed.ts";
import { attribute, type OnnxAttributes } from "./onnx-document.ts";
import { type OpExport, variable } from "./op-export.ts";

/** A kernel `[h, w, in / groups, out]` as `[out, in / groups, h, w]`. */
export const conv2d: OpExport<"conv2d"> = (place) => {
  const { attributes, inputShapes, document, name } = place;
  const [, , channels = 1] = inputShapes[0]!;
  const { kernelSize, filters, groups } = attributes;
  const stored = [...kernelSize, channels / groups, filters];
  const kernel = variable(place, "kernel", [filters, channels / groups, ...kernelSize], (values) =>
    transposed(values, stored, [3, 2, 0, 1]),
  );
  const bias = variable(place, "bias", [filters]);
  const inputs = [place.as("image"), kernel!, ...(bias === undefined ? [] : [bias])];
  document.node("Conv", inputs, name, { ...convAttributes(inputShapes[0]!, attributes), group: attribute.int(groups) });
  return "image";
};

/** A kernel `[h, w, c, multiplier]` as `[c * multiplier, 1, h, w]`, in as many groups as channels. */
export const depthwiseConv2d: OpExport<"depthwiseConv2d"> = (place) => {
  const { attributes, inputShapes, document, name } = place;
  const [, , channels = 1] = inputShapes[0]!;
  const { kernelSize, depthMultiplier } = attributes;
  const filters = channels * depthMultiplier;
  const kernel = variable(place, "depthwise_kernel", [filters, 1, ...kernelSize], (values) =>
    transposed(values, [...kernelSize, channels, depthMultiplier], [2, 3, 0, 1]),
  );
  const bias = variable(place, "bias", [filters]);
  const inputs = [place.as("image"), kernel!, ...(bias === undefined ? [] : [bias])];
  document.node("Conv", inputs, name, {
    ...convAttributes(inputShapes[0]!, attributes),
    group: attribute.int(channels),
  });
  return "image";
};

export const maxPool: OpExport<"maxPool"> = (place) => {
  place.document.node(
    "MaxPool",
    [place.as("image")],
    place.name,
    poolAttributes(place.inputShapes[0]!, place.attributes),
  );
  return "image";
};

/** TensorFlow's mean leaves out what lies outside of the image. */
export const avgPool: OpExport<"avgPool"> = (place) => {
  const attributes = poolAttributes(place.inputShapes[0]!, place.attributes);
  const isCounted = { count_include_pad: attribute.int(0) };
  place.document.node("AveragePool", [place.as("image")], place.name, { ...attributes, ...isCounted });
  return "image";
};

export const globalAvgPool: OpExport<"globalAvgPool"> = (place) => {
  const { document, name, attributes } = place;
  const x = place.as("image");
  if (attributes.keepDims) {
    document.node("GlobalAveragePool", [x], name);
    return "image";
  }
  const pooled = document.node("GlobalAveragePool", [x], document.helper(name, "pooled"));
  document.node("Flatten", [pooled], name, { axis: attribute.int(1) });
  return "plain";
};

/** Zeros around rows and columns. */
export const zeroPad: OpExport<"zeroPad"> = (place) => {
  const { document, name } = place;
  const [[top, bottom], [left, right]] = place.attributes.padding;
  const pads = document.ints(document.helper(name, "pads"), [0, 0, top, left, 0, 0, bottom, right]);
  document.node("Pad", [place.as("image"), pads], name);
  return "image";
};

export const upsample: OpExport<"upsample"> = (place) => {
  const { document, name } = place;
  const scales = document.floats(
    document.helper(name, "scales"),
    [4],
    Float32Array.of(1, 1, ...place.attributes.factors),
  );
  document.node("Resize", [place.as("image"), "", scales], name, {
    mode: attribute.text("nearest"),
    coordinate_transformation_mode: attribute.text("asymmetric"),
    nearest_mode: attribute.text("floor"),
  });
  return "image";
};

function convAttributes(image: SampleShape, window: WindowAttributes): OnnxAttributes {
  return {
    kernel_shape: attribute.ints(window.kernelSize),
    strides: attribute.ints(window.strides),
    dilations: attribute.ints(window.dilation),
    pads: attribute.ints(padsOf(image, window)),
  };
}

function poolAttributes(image: SampleShape, { poolSize, strides, padding }: OpAttributes["maxPool"]): OnnxAttributes {
  return {
    kernel_shape: attribute.ints(poolSize),
    strides: attribute.ints(strides),
    pads: attribute.ints(padsOf(image, { kernelSize: poolSize, strides, padding, dilation: [1, 1] })),
  };
}

/** `[top, left, bottom, right]`; TensorFlow's "same" puts the odd one after the image. */
function padsOf(image: SampleShape, { kernelSize, strides, padding, dilation }: WindowAttributes): readonly number[] {
  if (padding === "valid") return [0, 0, 0, 0];
  if (padding !== "same") return [padding[0][0], padding[1][0], padding[0][1], padding[1][1]];
  const sides = ([0, 1] as const).map((axis) => {
    const reach = (kernelSize[axis] - 1) * dilation[axis] + 1;
    const windows = Math.ceil(image[axis]! / strides[axis]);
    const total = Math.max(0, (windows - 1) * strides[axis] + reach - image[axis]!);
    return [Math.floor(total / 2), Math.ceil(total / 2)] as const;
  });
  return [sides[0]![0], sides[1]![0], sides[0]![1], sides[1]![1]];
}
