import type { EdgePadding, OpAttributes, Padding, Size2D } from "../model-graph.ts";
import { transposition } from "./constants.ts";
import type { ImportState } from "./import-state.ts";
import { imageInput } from "./inputs.ts";
import { shapeOf, type Variable } from "./layout.ts";
import type { OnnxImport } from "./movement-import.ts";
import { nodeName } from "./node-name.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";
import { imageOf, imageResult } from "./placing.ts";
import type { Arrange } from "./source.ts";
import type { Value } from "./values.ts";

const NO_EDGES: EdgePadding = [
  [0, 0],
  [0, 0],
];

/** What exporters pad with before a largest value. */
const LEAST = -1e30;

/** Operators with a window that slides over an image. */
export const WINDOW_IMPORTS: Readonly<Record<string, OnnxImport>> = {
  Conv: (node, state) => {
    const { base, edges } = paddedInput(node, state, (value) => value === 0);
    const kernel = state.constant(node, 1).shape;
    if (kernel.length !== 4) throw notSupported(node, `its kernel has the shape [${kernel}]; expected two dimensions`);
    const [filters = 1, perGroup = 1, ...extents] = kernel;
    const groups = node.attributes.int("group", 1);
    const kernelSize = extents as unknown as Size2D;
    const dilation = pairOf(node, "dilations");
    const strides = pairOf(node, "strides");
    const padding = paddingOf(node, base, { kernelSize, dilation, strides }, edges);
    const useBias = state.has(node, 2);
    const window = { kernelSize, strides, padding, dilation, useBias };
    const isDepthwise = groups > 1 && perGroup === 1 && filters % groups === 0;
    const image = imageOf(state, base, node);
    const bias = useBias ? { bias: state.parameter(node, 2) } : {};
    const name = nodeName(node, 1);
    const conv = isDepthwise
      ? state.draft.put("depthwiseConv2d", [image.node], { ...window, depthMultiplier: filters / groups }, name, {
          depthwise_kernel: state.parameter(node, 1, depthwiseKernel(kernel, groups)),
          ...bias,
        })
      : state.draft.put("conv2d", [image.node], { ...window, filters, groups }, name, {
          kernel: state.parameter(node, 1, transposition(kernel, [2, 3, 1, 0])),
          ...bias,
        });
    state.set(node.outputs[0]!, imageResult(state, conv));
  },
  MaxPool: (node, state) => {
    const { base, edges } = paddedInput(node, state, (value) => value <= LEAST);
    const window = undilated(node, poolWindow(node));
    const padding = paddingOf(node, base, window, edges);
    const pool = { poolSize: window.kernelSize, strides: window.strides, padding };
    state.set(node.outputs[0]!, pooled(node, state, "maxPool", base, pool));
  },
  AveragePool: (node, state) => {
    const { base } = paddedInput(node, state, () => false);
    const window = undilated(node, poolWindow(node));
    const padding = paddingOf(node, base, window);
    const { kernelSize: poolSize, strides } = window;
    if (typeof padding === "string" && (padding === "valid" || node.attributes.int("count_include_pad", 0) === 0)) {
      state.set(node.outputs[0]!, pooled(node, state, "avgPool", base, { poolSize, strides, padding }));
      return;
    }
    if (node.attributes.int("count_include_pad", 0) === 0) {
      throw notSupported(
        node,
        `it pads ${JSON.stringify(padding)} and does not count that; expected padding as TensorFlow's SAME`,
      );
    }
    if (node.attributes.int("ceil_mode", 0) === 1) throw notSupported(node, "it counts padding, and has ceil_mode");
    const edges = typeof padding === "string" ? sameEdges(shapeOf(base).slice(2), window) : padding;
    const image = imageOf(state, base, node);
    const zeros = state.draft.put("zeroPad", [image.node], { padding: edges }, `${image.node}_padded`);
    const pool = { poolSize, strides, padding: "valid" } as const;
    state.set(node.outputs[0]!, imageResult(state, state.draft.put("avgPool", [zeros], pool, nodeName(node))));
  },
  GlobalAveragePool: (node, state) => state.set(node.outputs[0]!, globalMean(node, state, true)),
  GlobalMaxPool: (node, state) => {
    const image = imageInput(state, node, 0);
    const [height = 1, width = 1] = state.draft.shapeOf(image.node);
    const pool = { poolSize: [height, width], strides: [height, width], padding: "valid" } as const;
    state.set(node.outputs[0]!, pooled(node, state, "maxPool", image.variable, pool));
  },
  Pad: (node, state) => {
    const x = state.variable(node, 0);
    const pads = node.attributes.ints("pads") ?? state.ints(node, 1);
    const value = state.has(node, 2) ? state.scalar(node, 2) : node.attributes.float("value", 0);
    const axes = state.has(node, 3) ? state.ints(node, 3) : x.axes.map((_, axis) => axis);
    const mode = node.attributes.text("mode", "constant");
    const isNothing = pads.every((extent) => extent === 0);
    if (isNothing) {
      state.set(node.outputs[0]!, x);
      return;
    }
    const edges = x.axes.map((_, axis) => {
      const place = axes.findIndex((each) => (each < 0 ? each + x.axes.length : each) === axis);
      return place < 0 ? ([0, 0] as const) : ([pads[place]!, pads[place + axes.length]!] as const);
    });
    const isOfImage =
      edges.length === 4 &&
      edges
        .slice(0, 2)
        .flat()
        .every((extent) => extent === 0);
    if (mode !== "constant" || !isOfImage || edges.flat().some((extent) => extent < 0)) {
      throw notSupported(node, `it pads ${JSON.stringify(edges)} by ${mode}; expected one value around an image`);
    }
    state.set(node.outputs[0]!, { kind: "padded", base: x, edges: [edges[2]!, edges[3]!], value });
  },
  Resize: (node, state) => state.set(node.outputs[0]!, enlarged(node, state, 2, 3)),
  Upsample: (node, state) => state.set(node.outputs[0]!, enlarged(node, state, 1, -1)),
};

/** The mean over height and width; `[channels]` where nobody reads more of it. */
export function globalMean(node: OnnxNode, state: ImportState, keepDims: boolean): Variable {
  const image = imageInput(state, node, 0);
  const readers = state.readersOf(node.outputs[0]!);
  const isFlat = !keepDims || readers.every(({ op }) => op === "Flatten" || op === "Reshape" || op === "Squeeze");
  const pool = state.draft.put("globalAvgPool", [image.node], { keepDims: !isFlat }, nodeName(node));
  const [batch = [], channels = []] = image.variable.axes;
  return {
    kind: "variable",
    node: pool,
    order: channels,
    axes: keepDims ? [batch, channels, [], []] : [batch, channels],
  };
}

/** `[channels * multiplier, 1, h, w]` to `[h, w, channels, multiplier]`. */
function depthwiseKernel([filters = 1, , height = 1, width = 1]: readonly number[], groups: number): Arrange {
  return transposition([groups, filters / groups, height, width], [2, 3, 0, 1]);
}

/** What a window reads, and zeros that were put around it before; other values than the window's own are calculated. */
function paddedInput(
  node: OnnxNode,
  state: ImportState,
  isOwn: (value: number) => boolean,
): { readonly base: Variable; readonly edges: EdgePadding } {
  const value: Value = state.value(node, 0);
  if (value.kind === "padded" && isOwn(value.value)) return value;
  return { base: imageInput(state, node, 0).variable, edges: NO_EDGES };
}

interface Window {
  readonly kernelSize: Size2D;
  readonly strides: Size2D;
  readonly dilation: Size2D;
}

function poolWindow(node: OnnxNode): Window {
  const kernelSize = node.attributes.ints("kernel_shape") ?? [];
  if (kernelSize.length !== 2)
    throw notSupported(node, `its window has the shape [${kernelSize}]; expected two dimensions`);
  const size = kernelSize as unknown as Size2D;
  return { kernelSize: size, strides: pairOf(node, "strides"), dilation: pairOf(node, "dilations") };
}

function undilated(node: OnnxNode, window: Window): Window {
  if (window.dilation.some((extent) => extent > 1)) throw notSupported(node, "it has dilations");
  return window;
}

function pooled<Kind extends "maxPool" | "avgPool">(
  node: OnnxNode,
  state: ImportState,
  kind: Kind,
  x: Variable,
  attributes: OpAttributes[Kind],
): Variable {
  const image = imageOf(state, x, node);
  return imageResult(state, state.draft.put(kind, [image.node], attributes, nodeName(node)));
}

function pairOf({ attributes }: OnnxNode, name: string): Size2D {
  return (attributes.ints(name) ?? [1, 1]) as unknown as Size2D;
}

/** Pixels around the image, as ONNX says it and as was put there before: by their name in TensorFlow where they have one. */
function paddingOf(node: OnnxNode, x: Variable, window: Window, before: EdgePadding = NO_EDGES): Padding {
  const image = shapeOf(x).slice(2) as unknown as Size2D;
  const outer = [0, 1].map((axis) => image[axis]! + before[axis]![0] + before[axis]![1]) as unknown as Size2D;
  const edges = edgesOf(node, outer, window);
  const sum = ([0, 1] as const).map((axis) => {
    const [first, last] = edges[axis];
    return [before[axis][0] + first, before[axis][1] + last + missing(node, outer[axis], window, axis, edges[axis])];
  }) as unknown as EdgePadding;
  if (sum.flat().every((extent) => extent === 0)) return "valid";
  return JSON.stringify(sum) === JSON.stringify(sameEdges(image, window)) ? "same" : sum;
}

function edgesOf(node: OnnxNode, image: Size2D, window: Window): EdgePadding {
  const mode = node.attributes.text("auto_pad", "NOTSET");
  if (mode === "VALID") return NO_EDGES;
  if (mode === "SAME_UPPER") return sameEdges(image, window);
  const lower = (edges: EdgePadding): EdgePadding =>
    [edges[0].toReversed(), edges[1].toReversed()] as unknown as EdgePadding;
  if (mode === "SAME_LOWER") return lower(sameEdges(image, window));
  const [top = 0, left = 0, bottom = 0, right = 0] = node.attributes.ints("pads") ?? [];
  return [
    [top, bottom],
    [left, right],
  ];
}

/** With ceil_mode, what a last window would lack; a window that would begin in the padding is none. */
function missing(node: OnnxNode, extent: number, window: Window, axis: 0 | 1, [first, last]: Size2D): number {
  if (node.attributes.int("ceil_mode", 0) === 0) return 0;
  const stride = window.strides[axis];
  const span = first + extent + last - ((window.kernelSize[axis] - 1) * window.dilation[axis] + 1);
  const rest = span % stride;
  const isEmpty = (Math.floor(span / stride) + 1) * stride >= first + extent;
  return rest === 0 || isEmpty ? 0 : stride - rest;
}

/** TensorFlow's SAME, where an odd pixel is after the image. */
function sameEdges(image: readonly number[], { kernelSize, strides, dilation }: Window): EdgePadding {
  return ([0, 1] as const).map((axis) => {
    const extent = image[axis]!;
    const reach = (kernelSize[axis] - 1) * dilation[axis] + 1;
    const total = Math.max(0, (Math.ceil(extent / strides[axis]) - 1) * strides[axis] + reach - extent);
    return [Math.floor(total / 2), Math.ceil(total / 2)] as const;
  }) as unknown as EdgePadding;
}

/** Rows and columns repeated a whole number of times. */
function enlarged(node: OnnxNode, state: ImportState, scaleInput: number, sizeInput: number): Variable {
  const image = imageInput(state, node, 0);
  const shape = shapeOf(image.variable);
  const hasSizes = sizeInput >= 0 && state.has(node, sizeInput);
  const factors = hasSizes
    ? state.ints(node, sizeInput).map((extent, axis) => extent / shape[axis]!)
    : state.ints(node, scaleInput);
  const mode = node.attributes.text("mode", "nearest");
  const place = node.attributes.text("coordinate_transformation_mode", "half_pixel");
  const [batch, channels, rows = 0, columns = 0] = factors;
  const isWhole = [rows, columns].every((factor) => Number.isInteger(factor) && factor >= 1);
  if (
    mode !== "nearest" ||
    batch !== 1 ||
    channels !== 1 ||
    !isWhole ||
    !["half_pixel", "asymmetric"].includes(place)
  ) {
    throw notSupported(
      node,
      `it resizes by ${factors.join(", ")}, ${mode}, ${place}; expected whole factors of height and width, nearest`,
    );
  }
  if (place === "asymmetric" && node.attributes.text("nearest_mode", "round_prefer_floor") !== "floor") {
    throw notSupported(node, "it rounds places up; expected asymmetric with floor, or half_pixel");
  }
  return imageResult(state, state.draft.put("upsample", [image.node], { factors: [rows, columns] }, nodeName(node)));
}
