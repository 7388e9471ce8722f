import { elementsOf, type SampleShape } from "../model-graph.ts";
import { transposed } from "../transposed.ts";
import { attribute } from "./onnx-document.ts";
import { isImage, type OpExport, type OpPlace, sharedLayout, variable } from "./op-export.ts";

/** As PyTorch writes it: a kernel `[units, features]`. */
export const dense: OpExport<"dense"> = (place) => {
  const { document, name, inputShapes, attributes } = place;
  const features = inputShapes[0]!.at(-1)!;
  const { units } = attributes;
  const bias = variable(place, "bias", [units]);
  if (inputShapes[0]!.length === 1) {
    const kernel = variable(place, "kernel", [units, features], (values) =>
      transposed(values, [features, units], [1, 0]),
    );
    const inputs = [place.as("plain"), kernel!, ...(bias === undefined ? [] : [bias])];
    document.node("Gemm", inputs, name, { transB: attribute.int(1) });
    return "plain";
  }
  const kernel = variable(place, "kernel", [features, units]);
  const product = bias === undefined ? name : document.helper(name, "product");
  document.node("MatMul", [place.as("plain"), kernel!], product);
  if (bias !== undefined) document.node("Add", [product, bias], name);
  return "plain";
};

export const batchNorm: OpExport<"batchNorm"> = (place) => {
  const { document, name, attributes } = place;
  const [gamma, beta] = scaleAndShift(place);
  const channels = place.outputShape.at(-1)!;
  const [mean, variance] = ["moving_mean", "moving_variance"].map((part) => variable(place, part, [channels])!);
  document.node("BatchNormalization", [place.as("image"), gamma, beta, mean!, variance!], name, {
    epsilon: attribute.float(attributes.epsilon),
    momentum: attribute.float(attributes.momentum),
  });
  return "image";
};

/** In groups, as PyTorch's exporter writes it: opset 17 has no node for it. */
export const groupNorm: OpExport<"groupNorm"> = (place) => {
  const { document, name, attributes, outputShape } = place;
  const [height = 1, width = 1, channels = 1] = outputShape;
  const { groups, epsilon } = attributes;
  const fixed = (ending: string, value: number): string =>
    document.floats(document.helper(name, ending), [groups], new Float32Array(groups).fill(value));
  const shape = (ending: string, dims: readonly number[]): string => document.ints(document.helper(name, ending), dims);
  const grouped = document.node(
    "Reshape",
    [place.as("image"), shape("groups", [0, groups, -1])],
    document.helper(name, "grouped"),
  );
  const inputs = [grouped, fixed("ones", 1), fixed("zeros", 0)];
  const normal = document.node("InstanceNormalization", inputs, document.helper(name, "normal"), {
    epsilon: attribute.float(epsilon),
  });
  const whole = document.node(
    "Reshape",
    [normal, shape("shape", [0, channels, height, width])],
    document.helper(name, "whole"),
  );
  const [gamma, beta] = scaleAndShift(place, [channels, 1, 1]);
  document.node("Add", [document.node("Mul", [whole, gamma], document.helper(name, "scaled")), beta], name);
  return "image";
};

export const layerNorm: OpExport<"layerNorm"> = (place) => {
  const { document, name, attributes } = place;
  document.node("LayerNormalization", [place.as("plain"), ...scaleAndShift(place)], name, {
    axis: attribute.int(-1),
    epsilon: attribute.float(attributes.epsilon),
  });
  return "plain";
};

/** `x * scale + offset`. */
export const affine: OpExport<"affine"> = (place) => {
  const { document, name, attributes } = place;
  const layout = sharedLayout(place);
  const numbers = (ending: string, values: readonly number[]): string => {
    const dims = layout === "image" ? [values.length, 1, 1] : [values.length];
    return document.floats(document.helper(name, ending), dims, Float32Array.from(values));
  };
  const scaled = document.node(
    "Mul",
    [place.as(layout), numbers("scale", attributes.scale)],
    document.helper(name, "scaled"),
  );
  document.node("Add", [scaled, numbers("offset", attributes.offset)], name);
  return layout;
};

export const prelu: OpExport<"prelu"> = (place) => {
  const { document, name, attributes, outputShape } = place;
  const layout = sharedLayout(place);
  const shape = outputShape.map((extent, axis) => (attributes.sharedAxes.includes(axis) ? 1 : extent));
  const alpha =
    layout === "image"
      ? variable(place, "alpha", channelsFirst(shape), (values) => transposed(values, shape, [2, 0, 1]))
      : variable(place, "alpha", shape);
  document.node("PRelu", [place.as(layout), alpha!], name);
  return layout;
};

export const add: OpExport<"add"> = (place) => joined(place, "Add");
export const multiply: OpExport<"multiply"> = (place) => joined(place, "Mul");

/** Elementwise; where the ranks of the samples differ, extents of 1 follow the batch. */
function joined(place: OpPlace<"add"> | OpPlace<"multiply">, opType: string): ReturnType<OpExport<"add">> {
  const { document, name, inputShapes } = place;
  const rank = Math.max(...inputShapes.map(({ length }) => length));
  const isEven = inputShapes.every(({ length }) => length === rank);
  const layout = isEven ? sharedLayout(place) : "plain";
  const inputs = inputShapes.map((shape, position) => {
    const x = place.as(layout, position);
    if (shape.length === rank) return x;
    const dims = [...new Array<number>(rank - shape.length).fill(1), ...shape];
    const to = document.ints(document.helper(name, `shape${position}`), [-1, ...dims]);
    return document.node("Reshape", [x, to], document.helper(name, `even${position}`));
  });
  document.node(opType, inputs, name);
  return layout;
}

/** Along the channels. */
export const concat: OpExport<"concat"> = (place) => {
  const layout = sharedLayout(place);
  const inputs = place.layouts.map((_, position) => place.as(layout, position));
  place.document.node("Concat", inputs, place.name, { axis: attribute.int(layout === "image" ? 1 : -1) });
  return layout;
};

/** Values keep the engine's order; of an image of one pixel that is the order of ONNX's too. */
export const reshape: OpExport<"reshape"> = (place) => {
  const { document, name, inputShapes, outputShape, layouts } = place;
  const from = isPixel(inputShapes[0]!) && layouts[0] === "image" ? "image" : "plain";
  const to = isPixel(outputShape) ? "image" : "plain";
  const dims = to === "image" ? channelsFirst(outputShape) : outputShape;
  const shape = document.ints(document.helper(name, "shape"), [-1, ...dims]);
  document.node("Reshape", [place.as(from), shape], name);
  return to;
};

/** Does nothing outside of training; its rate is kept. */
export const dropout: OpExport<"dropout"> = (place) => {
  const { document, name, attributes } = place;
  const layout = sharedLayout(place);
  const ratio = document.floats(document.helper(name, "rate"), [], Float32Array.of(attributes.rate));
  document.node("Dropout", [place.as(layout), ratio], name);
  return layout;
};

function channelsFirst([height = 1, width = 1, channels = 1]: SampleShape): SampleShape {
  return [channels, height, width];
}

function isPixel(shape: SampleShape): boolean {
  return isImage(shape) && elementsOf(shape) === shape.at(-1);
}

/** Scale and shift of a normalisation; where it has none, ones and zeros. */
function scaleAndShift(
  place: OpPlace<"batchNorm"> | OpPlace<"groupNorm"> | OpPlace<"layerNorm">,
  dims: readonly number[] = place.outputShape.slice(-1),
): readonly [gamma: string, beta: string] {
  const { document, name, outputShape } = place;
  const filled = (ending: string, value: number): string =>
    document.floats(document.helper(name, ending), dims, new Float32Array(outputShape.at(-1)!).fill(value));
  return [
    variable(place, "gamma", dims) ?? filled("no_gamma", 1),
    variable(place, "beta", dims) ?? filled("no_beta", 0),
  ];
}
