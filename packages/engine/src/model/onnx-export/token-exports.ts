import type { SampleShape } from "../model-graph.ts";
import { transposed } from "../transposed.ts";
import { attribute } from "./onnx-document.ts";
import { axisOf, type OpExport, scalar, sharedLayout, variable } from "./op-export.ts";

/** As PyTorch's exporter writes it: products of queries and keys, softmax, products with values, head by head. */
export const attention: OpExport<"attention"> = (place) => {
  const { document, name, inputShapes, outputShape, attributes } = place;
  const { heads, scale } = attributes;
  const [tokens = 1, width = 1] = outputShape.slice(-2);
  const headWidth = width / heads;
  const put = (opType: string, inputs: readonly string[], ending: string, own = {}): string =>
    document.node(opType, inputs, document.helper(name, ending), own);
  const numbers = (ending: string, values: readonly number[]): string =>
    document.ints(document.helper(name, ending), values);
  const turned = (x: string, ending: string, order: readonly number[]): string =>
    put("Transpose", [x], ending, { perm: attribute.ints(order) });
  let parts: readonly string[];
  if (inputShapes.length === 1) {
    const split = put(
      "Reshape",
      [place.as("plain"), numbers("split_shape", [-1, tokens, 3, heads, headWidth])],
      "split",
    );
    const packed = turned(split, "packed", [2, 0, 3, 1, 4]);
    parts = ["query", "key", "value"].map((part, at) => {
      const index = document.wholeNumber(document.helper(name, `${part}_index`), at);
      return put("Gather", [packed, index], part, { axis: attribute.int(0) });
    });
  } else {
    parts = ["query", "key", "value"].map((part, at) => {
      const own = inputShapes[at]!.at(-2)!;
      const shape = numbers(`${part}_shape`, [-1, own, heads, headWidth]);
      return turned(put("Reshape", [place.as("plain", at), shape], `${part}_heads`), part, [0, 2, 1, 3]);
    });
  }
  const [query, key, value] = parts as readonly [string, string, string];
  const scaled = put("Mul", [query, scalar(place, "scale", scale)], "scaled");
  const products = put("MatMul", [scaled, turned(key, "key_turned", [0, 1, 3, 2])], "products");
  const shares = put("Softmax", [products], "shares", { axis: attribute.int(-1) });
  const joined = turned(put("MatMul", [shares, value], "mixed"), "joined", [0, 2, 1, 3]);
  document.node("Reshape", [joined, numbers("shape", [-1, ...outputShape])], name);
  return "plain";
};

export const rearrange: OpExport<"rearrange"> = (place) => {
  const { document, name, attributes } = place;
  const { split, order, shape } = attributes;
  const dims = (ending: string, values: SampleShape): string =>
    document.ints(document.helper(name, ending), [-1, ...values]);
  const whole = document.node("Reshape", [place.as("plain"), dims("split", split)], document.helper(name, "parts"));
  const perm = attribute.ints([0, ...order.map((axis) => axis + 1)]);
  const turned = document.node("Transpose", [whole], document.helper(name, "turned"), { perm });
  document.node("Reshape", [turned, dims("shape", shape)], name);
  return "plain";
};

export const slice: OpExport<"slice"> = (place) => {
  const { document, name, attributes } = place;
  const { axis, begin, size } = attributes;
  const layout = sharedLayout(place);
  const one = (ending: string, value: number): string => document.ints(document.helper(name, ending), [value]);
  const inputs = [one("begin", begin), one("end", begin + size), one("axis", axisOf(layout, axis))];
  document.node("Slice", [place.as(layout), ...inputs], name);
  return layout;
};

/** The token is repeated for each sample, of which only the graph knows how many there are. */
export const classToken: OpExport<"classToken"> = (place) => {
  const { document, name, outputShape } = place;
  const width = outputShape.at(-1)!;
  const x = place.as("plain");
  const one = { start: attribute.int(0), end: attribute.int(1) };
  const batch = document.node("Shape", [x], document.helper(name, "batch"), one);
  const rest = document.ints(document.helper(name, "rest"), [...outputShape.slice(0, -2), 1, width]);
  const shape = document.node("Concat", [batch, rest], document.helper(name, "shape"), { axis: attribute.int(0) });
  const token = variable(place, "token", [1, width])!;
  const repeated = document.node("Expand", [token, shape], document.helper(name, "repeated"));
  document.node("Concat", [repeated, x], name, { axis: attribute.int(-2) });
  return "plain";
};

export const positions: OpExport<"positions"> = (place) => {
  const { document, name, outputShape } = place;
  const layout = sharedLayout(place);
  const embedding =
    layout === "image"
      ? variable(place, "embedding", [outputShape[2]!, outputShape[0]!, outputShape[1]!], (values) =>
          transposed(values, outputShape, [2, 0, 1]),
        )
      : variable(place, "embedding", outputShape);
  document.node("Add", [place.as(layout), embedding!], name);
  return layout;
};

export const layerScale: OpExport<"layerScale"> = (place) => {
  const { document, name, outputShape } = place;
  const layout = sharedLayout(place);
  const width = outputShape.at(-1)!;
  const gamma = variable(place, "gamma", layout === "image" ? [width, 1, 1] : [width]);
  document.node("Mul", [place.as(layout), gamma!], name);
  return layout;
};

/** In opset 17 a sum has its axes as an input, a mean as an attribute. */
export const reduce: OpExport<"reduce"> = (place) => {
  const { document, name, attributes } = place;
  const { axes, keepDims } = attributes;
  // What is left of an image without its extents is in the engine's order only where rows and columns are gone.
  const isKept = keepDims || (axes.includes(0) && axes.includes(1));
  const layout = isKept ? sharedLayout(place) : "plain";
  const over = axes.map((axis) => axisOf(layout, axis));
  const keepdims = attribute.int(keepDims ? 1 : 0);
  const x = place.as(layout);
  if (attributes.function === "mean") document.node("ReduceMean", [x], name, { axes: attribute.ints(over), keepdims });
  else document.node("ReduceSum", [x, document.ints(document.helper(name, "axes"), over)], name, { keepdims });
  return keepDims ? layout : "plain";
};

export const l2Normalise: OpExport<"l2Normalise"> = (place) => {
  const { document, name, attributes } = place;
  const x = place.as("plain");
  const put = (opType: string, inputs: readonly string[], ending: string, own = {}): string =>
    document.node(opType, inputs, document.helper(name, ending), own);
  const squares = put("Mul", [x, x], "squares");
  const last = document.ints(document.helper(name, "axis"), [-1]);
  const sum = put("ReduceSum", [squares, last], "sum", { keepdims: attribute.int(1) });
  const length = put("Sqrt", [put("Add", [sum, scalar(place, "epsilon", attributes.epsilon)], "moved")], "length");
  document.node("Div", [x, length], name);
  return "plain";
};
