import { elementsOf } from "../model-graph.ts";
import { type Constant, constant } from "./constants.ts";
import { axesOf, axisOf, rangeOf, slicesOf, splitSizes, targetShape, unsqueezed } from "./fold-movement.ts";
import type { ImportState } from "./import-state.ts";
import { type Atom, extentOf, reshaped, shapeOf, split, type Variable, withCut } from "./layout.ts";
import { ONNX_TYPES } from "./onnx-messages.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";
import { placed } from "./placing.ts";

export type OnnxImport = (node: OnnxNode, state: ImportState) => void;

/** Operators that only move numbers: layouts, until somebody needs them otherwise. */
export const MOVEMENT_IMPORTS: Readonly<Record<string, OnnxImport>> = {
  Identity: (node, state) => state.set(node.outputs[0]!, state.value(node, 0)),
  Cast: (node, state) => {
    const to = node.attributes.int("to", 0);
    if (to !== ONNX_TYPES.float) throw notSupported(node, `it casts to ONNX's type ${to}; expected float32`);
    state.set(node.outputs[0]!, state.value(node, 0));
  },
  Shape: (node, state) => {
    const shape = state.shape(node, 0);
    const { start, end } = rangeOf(node, shape.length);
    state.set(node.outputs[0]!, constant("int", [end - start], shape.slice(start, end)));
  },
  Size: (node, state) => state.set(node.outputs[0]!, constant("int", [], [elementsOf(state.shape(node, 0))])),
  Reshape: (node, state) => {
    const x = state.variable(node, 0);
    put(node, state, inNewShape(node, state, x, targetShape(node, shapeOf(x), state.ints(node, 1))));
  },
  Flatten: (node, state) => {
    const x = state.variable(node, 0);
    const axis = axisOf(node.attributes.int("axis", 1), x.axes.length + 1);
    const { axes } = x;
    put(node, state, { ...x, axes: [axes.slice(0, axis).flat(), axes.slice(axis).flat()] });
  },
  Squeeze: (node, state) => {
    const x = state.variable(node, 0);
    const axes = axesOf(node, givenConstant(node, state, 1), x.axes.length);
    put(node, state, {
      ...x,
      axes: x.axes.filter((atoms, axis) => !(axes?.includes(axis) ?? (atoms.length === 0 && axis > 0))),
    });
  },
  Unsqueeze: (node, state) => {
    const x = state.variable(node, 0);
    const axes = givenConstant(node, state, 1);
    const count = axes?.values.length ?? node.attributes.ints("axes")?.length ?? 0;
    const places = axesOf(node, axes, x.axes.length + count) ?? [];
    const rest = [...x.axes];
    const isNew = unsqueezed(
      x.axes.map(() => 0),
      places,
    ).map((extent) => extent === 1);
    put(node, state, { ...x, axes: isNew.map((isOne) => (isOne ? [] : rest.shift()!)) });
  },
  Transpose: (node, state) => {
    const x = state.variable(node, 0);
    const order = node.attributes.ints("perm") ?? x.axes.map((_, axis) => axis).toReversed();
    put(node, state, { ...x, axes: order.map((axis) => x.axes[axis]!) });
  },
  Expand: (node, state) => {
    const base = state.variable(node, 0);
    const to = state.ints(node, 1);
    const rank = Math.max(to.length, base.axes.length);
    const own = [...Array.from({ length: rank - base.axes.length }, () => 1), ...shapeOf(base)];
    const shape = own.map((extent, axis) => Math.max(extent, to[axis - rank + to.length] ?? 1));
    const isSame = shape.join() === shapeOf(base).join();
    state.set(node.outputs[0]!, isSame ? base : { kind: "expanded", base, shape });
  },
  Split: (node, state) => {
    const x = state.variable(node, 0);
    const axis = axisOf(node.attributes.int("axis", 0), x.axes.length);
    let begin = 0;
    for (const [part, size] of splitSizes(node, shapeOf(x)[axis]!, givenConstant(node, state, 1)).entries()) {
      const name = node.outputs[part] ?? "";
      if (name !== "") state.set(name, partOf(node, state, 0, axis, begin, size));
      begin += size;
    }
  },
  Slice: (node, state) => {
    const x = state.variable(node, 0);
    const ranges = [1, 2, 3, 4].map((index) => givenConstant(node, state, index));
    const cuts = slicesOf(shapeOf(x), ranges);
    const cut = cuts.flatMap(({ begin, size, step }, axis) => {
      return begin === 0 && step === 1 && size === shapeOf(x)[axis] ? [] : [{ begin, size, step, axis }];
    });
    const [only] = cut;
    if (only === undefined) put(node, state, x);
    else if (cut.length > 1 || only.step !== 1) {
      throw notSupported(node, "it takes parts of several axes, or every other value; expected a part of one axis");
    } else put(node, state, partOf(node, state, 0, only.axis, only.begin, only.size));
  },
  Gather: (node, state) => {
    const x = state.variable(node, 0);
    const axis = axisOf(node.attributes.int("axis", 0), x.axes.length);
    const indices = state.constant(node, 1);
    const isAll = indices.values.length === shapeOf(x)[axis] && indices.values.every((row, place) => row === place);
    if (isAll) {
      put(node, state, inNewShape(node, state, x, shapeOf(x).toSpliced(axis, 1, ...indices.shape)));
      return;
    }
    if (indices.values.length !== 1) throw notSupported(node, `it takes ${indices.values.length} rows; expected one`);
    const part = partOf(node, state, 0, axis, axisOf(indices.values[0]!, shapeOf(x)[axis]!), 1);
    put(node, state, { ...part, axes: part.axes.toSpliced(axis, 1, ...indices.shape.map(() => [])) });
  },
  DepthToSpace: (node, state) => {
    const x = state.variable(node, 0);
    const block = node.attributes.int("blocksize", 1);
    const [batch = 1, channels = 1, height = 1, width = 1] = shapeOf(x);
    const isDeep = node.attributes.text("mode", "DCR") === "DCR";
    const rest = channels / block ** 2;
    const parts = isDeep ? [batch, block, block, rest] : [batch, rest, block, block];
    const apart = inNewShape(node, state, x, [...parts, height, width]);
    const [n, one, two, three, rows, columns] = apart.axes as Variable["axes"] & { readonly length: 6 };
    const [c, down, right] = isDeep ? [three!, one!, two!] : [one!, two!, three!];
    put(node, state, { ...apart, axes: [n!, c, [...rows!, ...down], [...columns!, ...right]] });
  },
};

function put(node: OnnxNode, state: ImportState, variable: Variable): void {
  state.set(node.outputs[0]!, variable);
}

/** A constant input that may be left out. */
export function givenConstant(node: OnnxNode, state: ImportState, index: number): Constant | undefined {
  return state.has(node, index) ? state.constant(node, index) : undefined;
}

/** In a new shape; where its axes fall between the factors, numbers are moved into the file's order. */
function inNewShape(node: OnnxNode, state: ImportState, x: Variable, shape: readonly number[]): Variable {
  const view = reshaped(x, shape, state.batch);
  if (view !== undefined) return view;
  const flat = x.axes.flat().filter((atom) => atom !== state.batch);
  const isBatchFirst = x.axes.flat().indexOf(state.batch) <= 0;
  const moved = placed(state, x, [flat], node).variable;
  const whole: Atom = { extent: extentOf(flat) };
  const batch = state.batch.extent === 1 ? [] : [state.batch];
  const again = isBatchFirst
    ? reshaped({ ...moved, order: [whole], axes: [batch, [whole]] }, shape, state.batch)
    : undefined;
  if (again === undefined) {
    throw notSupported(node, `it reshapes [${shapeOf(x)}] to [${shape}], which mixes the samples of a batch`);
  }
  return again;
}

/** Values of an axis from `begin` on. A cut of a cut, or of what lies in pieces, is calculated. */
function partOf(
  node: OnnxNode,
  state: ImportState,
  index: number,
  axis: number,
  begin: number,
  size: number,
): Variable {
  let x = state.variable(node, index);
  const whole = shapeOf(x)[axis]!;
  if (size === whole) return x;
  if (x.axes[axis]!.includes(state.batch)) throw notSupported(node, "it takes a part of the batch");
  if (x.cut !== undefined) x = state.settled(node, index);
  let run = x.axes[axis]!;
  const isInOnePiece = run.every(
    (atom, place) => place === 0 || x.order.indexOf(run[place - 1]!) + 1 === x.order.indexOf(atom),
  );
  if (!isInOnePiece) {
    const rest = x.order.filter((atom) => !run.includes(atom));
    x = placed(state, x, [rest, run], node).variable;
    state.set(node.inputs[index]!, x);
  }
  const at = x.order.indexOf(run[0]!);
  // The factors of the axis become one, of the part's extent.
  const part: readonly Atom[] = size === 1 ? [] : [{ extent: size }];
  const [first, ...others] = run;
  for (const atom of others) x = split(x, atom, []);
  x = split(x, first!, part);
  run = part;
  return withCut(x, { at, count: part.length, whole, begin });
}
