import { elementsOf } from "../model-graph.ts";
import { stridesOf } from "../transposed.ts";
import { arranged, type Constant, constant, type ElementType, gathered, transposition } from "./constants.ts";
import { broadcast, broadcastShape } from "./fold-arithmetic.ts";
import { ONNX_TYPES } from "./onnx-messages.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";

type Fold = (node: OnnxNode, inputs: readonly Constant[], batch: number) => Constant | readonly Constant[];

/** A constant of no more values is really repeated; shapes have a few, and a batch's worth of weights would fill memory. */
const MOST_REPEATED = 4096;

const TYPES: Readonly<Record<number, ElementType>> = {
  [ONNX_TYPES.float]: "float",
  [ONNX_TYPES.float16]: "float",
  [ONNX_TYPES.double]: "float",
  [ONNX_TYPES.int32]: "int",
  [ONNX_TYPES.int64]: "int",
  [ONNX_TYPES.bool]: "bool",
};

/** Operators that move, make or choose numbers of constants. */
export const FOLDS: Readonly<Record<string, Fold>> = {
  Constant: (node) => {
    const { attributes } = node;
    const tensor = attributes.tensor("value");
    if (tensor !== undefined) return tensor;
    if (attributes.has("value_float")) return constant("float", [], [attributes.float("value_float", 0)]);
    if (attributes.has("value_int")) return constant("int", [], [attributes.int("value_int", 0)]);
    const floats = attributes.floats("value_floats");
    if (floats !== undefined && floats.length > 0) return constant("float", [floats.length], floats);
    const ints = attributes.ints("value_ints");
    if (ints !== undefined) return constant("int", [ints.length], ints);
    throw notSupported(node, "it has no tensor and no numbers");
  },
  Identity: (_node, [x]) => x!,
  Cast: (node, [x]) => {
    const type = TYPES[node.attributes.int("to", 0)];
    if (type === undefined) throw notSupported(node, `it casts to ONNX's type ${node.attributes.int("to", 0)}`);
    return cast(x!, type);
  },
  CastLike: (_node, [x, like]) => cast(x!, like!.type),
  Shape: (node, [x]) => {
    const { start, end } = rangeOf(node, x!.shape.length);
    return constant("int", [end - start], x!.shape.slice(start, end));
  },
  Size: (_node, [x]) => constant("int", [], [elementsOf(x!.shape)]),
  ConstantOfShape: (node, [shape]) => {
    const value = node.attributes.tensor("value");
    const extents = Array.from(shape!.values);
    return constant(value?.type ?? "float", extents, new Float64Array(elementsOf(extents)).fill(value?.values[0] ?? 0));
  },
  Range: (_node, [start, limit, delta]) => {
    const [from = 0, to = 0, by = 1] = [start!.values[0], limit!.values[0], delta!.values[0]];
    const count = Math.max(0, Math.ceil((to - from) / by));
    return constant(
      start!.type,
      [count],
      Array.from({ length: count }, (_, index) => from + index * by),
    );
  },
  Reshape: (node, [x, shape]) => {
    const target = targetShape(node, x!.shape, Array.from(shape!.values));
    return arranged(x!, target, (same) => same);
  },
  Flatten: (node, [x]) => {
    const axis = axisOf(node.attributes.int("axis", 1), x!.shape.length + 1);
    const shape = [elementsOf(x!.shape.slice(0, axis)), elementsOf(x!.shape.slice(axis))];
    return arranged(x!, shape, (same) => same);
  },
  Squeeze: (node, [x, axes]) => {
    const wanted =
      axesOf(node, axes, x!.shape.length) ?? x!.shape.flatMap((extent, axis) => (extent === 1 ? [axis] : []));
    return arranged(
      x!,
      x!.shape.filter((_, axis) => !wanted.includes(axis)),
      (same) => same,
    );
  },
  Unsqueeze: (node, [x, axes]) => {
    const rank = x!.shape.length + (axes?.values.length ?? node.attributes.ints("axes")?.length ?? 0);
    return arranged(x!, unsqueezed(x!.shape, axesOf(node, axes, rank) ?? []), (same) => same);
  },
  Transpose: (node, [x]) => {
    const order = node.attributes.ints("perm") ?? x!.shape.map((_, axis) => axis).toReversed();
    return arranged(
      x!,
      order.map((axis) => x!.shape[axis]!),
      transposition(x!.shape, order),
    );
  },
  Expand: (node, [x, to], batch) => {
    const shape = broadcastShape(node, [x!.shape, Array.from(to!.values)]);
    const axis = shape.findIndex((extent, place) => {
      return extent === batch && batch > 1 && (x!.shape[place - shape.length + x!.shape.length] ?? 1) === 1;
    });
    if (axis < 0 || elementsOf(shape) <= MOST_REPEATED) return broadcast(x!, shape);
    const once = shape.with(axis, 1);
    const ones = Array.from({ length: shape.length - x!.shape.length }, () => 1);
    const same = [...ones, ...x!.shape].join() === once.join();
    return { ...(same ? arranged(x!, once, (values) => values) : broadcast(x!, once)), shape, repeated: axis };
  },
  Tile: (node, [x, repeats]) => {
    const shape = x!.shape.map((extent, axis) => extent * repeats!.values[axis]!);
    return picked(node, x!, shape, (index, axis) => index % x!.shape[axis]!);
  },
  Gather: (node, [x, indices]) => {
    const { shape } = x!;
    const axis = axisOf(node.attributes.int("axis", 0), shape.length);
    const rows = Array.from(indices!.values, (index) => (index < 0 ? index + shape[axis]! : index));
    const middle = picked(node, x!, shape.with(axis, rows.length), (index, at) => (at === axis ? rows[index]! : index));
    return arranged(middle, shape.toSpliced(axis, 1, ...indices!.shape), (same) => same);
  },
  Slice: (node, [x, ...ranges]) => {
    const cuts = slicesOf(x!.shape, ranges);
    return picked(
      node,
      x!,
      cuts.map(({ size }) => size),
      (index, axis) => cuts[axis]!.begin + index * cuts[axis]!.step,
    );
  },
  Split: (node, [x, sizes]) => {
    const axis = axisOf(node.attributes.int("axis", 0), x!.shape.length);
    let begin = 0;
    return splitSizes(node, x!.shape[axis]!, sizes).map((size) => {
      const from = begin;
      begin += size;
      return picked(node, x!, x!.shape.with(axis, size), (index, at) => (at === axis ? from + index : index));
    });
  },
  Concat: (node, inputs) => {
    const [first] = inputs;
    const axis = axisOf(node.attributes.int("axis", 0), first!.shape.length);
    const rows = elementsOf(first!.shape.slice(0, axis));
    const values = Array.from({ length: rows }, (_, row) =>
      inputs.flatMap(({ values: all }) =>
        Array.from(all.subarray((row * all.length) / rows, ((row + 1) * all.length) / rows)),
      ),
    ).flat();
    return constant(
      first!.type,
      first!.shape.with(
        axis,
        inputs.reduce((sum, { shape }) => sum + shape[axis]!, 0),
      ),
      values,
    );
  },
  Clip: (_node, [x, least, most]) => {
    const [from, to] = [least?.values[0] ?? Number.NEGATIVE_INFINITY, most?.values[0] ?? Number.POSITIVE_INFINITY];
    const clipped = x!.values.map((value) => Math.min(to, Math.max(from, value)));
    return constant(x!.type, x!.shape, clipped);
  },
  ReduceProd: (node, [x, axes]) => reduced(node, x!, axes, (all) => all.reduce((left, right) => left * right, 1)),
  ReduceSum: (node, [x, axes]) => reduced(node, x!, axes, (all) => all.reduce((left, right) => left + right, 0)),
  ReduceMax: (node, [x, axes]) => reduced(node, x!, axes, (all) => Math.max(...all)),
  ReduceMin: (node, [x, axes]) => reduced(node, x!, axes, (all) => Math.min(...all)),
};

function cast(x: Constant, type: ElementType): Constant {
  if (x.type === type) return x;
  const round = type === "int" ? Math.trunc : type === "bool" ? (value: number) => (value === 0 ? 0 : 1) : Number;
  return constant(type, x.shape, Float64Array.from(x.values, round));
}

function picked(
  node: OnnxNode,
  x: Constant,
  shape: readonly number[],
  from: (index: number, axis: number) => number,
): Constant {
  if (x.repeated !== undefined) throw notSupported(node, "it takes a part of what is repeated for each sample");
  const strides = stridesOf(x.shape);
  const to = stridesOf(shape);
  return arranged(x, shape, (values) =>
    gathered(values, elementsOf(shape), (place) =>
      strides.reduce((sum, stride, axis) => sum + stride * from(Math.floor(place / to[axis]!) % shape[axis]!, axis), 0),
    ),
  );
}

/** Over all axes unless some are given. */
function reduced(
  node: OnnxNode,
  x: Constant,
  axes: Constant | undefined,
  of: (values: readonly number[]) => number,
): Constant {
  const over = axesOf(node, axes, x.shape.length) ?? x.shape.map((_, axis) => axis);
  if (over.length !== x.shape.length) throw notSupported(node, "it reduces some axes of a constant; expected all");
  const keeps = node.attributes.int("keepdims", 1) === 1;
  return constant(x.type, keeps ? x.shape.map(() => 1) : [], [of(Array.from(x.values))]);
}

export function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Axes of a node: an input since opset 13, or an attribute before; undefined: none are given. */
export function axesOf(node: OnnxNode, axes: Constant | undefined, rank: number): readonly number[] | undefined {
  const given = axes === undefined ? node.attributes.ints("axes") : Array.from(axes.values);
  return given?.map((axis) => axisOf(axis, rank));
}

export function unsqueezed(shape: readonly number[], axes: readonly number[]): readonly number[] {
  const rest = [...shape];
  return Array.from({ length: shape.length + axes.length }, (_, axis) => (axes.includes(axis) ? 1 : rest.shift()!));
}

/** Reshape's target without 0 (as before) and -1 (what remains). */
export function targetShape(node: OnnxNode, from: readonly number[], to: readonly number[]): readonly number[] {
  const copies = node.attributes.int("allowzero", 0) === 0;
  const shape = to.map((extent, axis) => (extent === 0 && copies ? from[axis]! : extent));
  const known = elementsOf(shape.filter((extent) => extent !== -1));
  return shape.map((extent) => (extent === -1 ? elementsOf(from) / known : extent));
}

export function rangeOf({ attributes }: OnnxNode, rank: number): { readonly start: number; readonly end: number } {
  const inside = (axis: number): number => Math.min(rank, Math.max(0, axisOf(axis, rank)));
  return { start: inside(attributes.int("start", 0)), end: inside(attributes.int("end", rank)) };
}

export interface SlicedAxis {
  readonly begin: number;
  readonly size: number;
  readonly step: number;
}

/** What Slice takes of each axis; its inputs are starts, ends, axes and steps. */
export function slicesOf(shape: readonly number[], ranges: readonly (Constant | undefined)[]): readonly SlicedAxis[] {
  const [starts = [], ends = [], axes, steps] = ranges.map((range) => range && Array.from(range.values));
  const cuts: SlicedAxis[] = shape.map((size) => ({ begin: 0, size, step: 1 }));
  for (const [place, start] of starts.entries()) {
    const axis = axisOf(axes?.[place] ?? place, shape.length);
    const extent = shape[axis]!;
    const step = steps?.[place] ?? 1;
    const [least, most] = step > 0 ? [0, extent] : [-1, extent - 1];
    const inside = (value: number): number => Math.min(most, Math.max(least, value < 0 ? value + extent : value));
    const begin = Math.max(0, inside(start));
    cuts[axis] = { begin, step, size: Math.max(0, Math.ceil((inside(ends[place]!) - begin) / step)) };
  }
  return cuts;
}

/** Sizes of the parts that Split makes: given, or alike but the last. */
export function splitSizes(node: OnnxNode, extent: number, sizes: Constant | undefined): readonly number[] {
  if (sizes !== undefined) return Array.from(sizes.values);
  const given = node.attributes.ints("split");
  if (given !== undefined) return given;
  const count = node.outputs.length;
  const size = Math.ceil(extent / count);
  return Array.from({ length: count }, (_, part) => Math.min(size, extent - part * size));
}
