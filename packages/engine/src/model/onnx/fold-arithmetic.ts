import { elementsOf } from "../model-graph.ts";
import { stridesOf } from "../transposed.ts";
import { type Constant, constant, type ElementType } from "./constants.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";

/** Rounds towards zero, as integers are divided. */
const divided = (left: number, right: number, type: ElementType): number =>
  type === "int" ? Math.trunc(left / right) : left / right;

const BINARY: Readonly<Record<string, (left: number, right: number, type: ElementType) => number>> = {
  Add: (left, right) => left + right,
  Sub: (left, right) => left - right,
  Mul: (left, right) => left * right,
  Div: divided,
  Mod: (left, right) => ((left % right) + right) % right,
  Pow: (left, right) => left ** right,
  Min: (left, right) => Math.min(left, right),
  Max: (left, right) => Math.max(left, right),
};
const COMPARED: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  Equal: (left, right) => left === right,
  Greater: (left, right) => left > right,
  GreaterOrEqual: (left, right) => left >= right,
  Less: (left, right) => left < right,
  LessOrEqual: (left, right) => left <= right,
  And: (left, right) => left !== 0 && right !== 0,
  Or: (left, right) => left !== 0 || right !== 0,
};
const UNARY: Readonly<Record<string, (value: number) => number>> = {
  Abs: Math.abs,
  Ceil: Math.ceil,
  Floor: Math.floor,
  Neg: (value) => -value,
  Sqrt: Math.sqrt,
  Reciprocal: (value) => 1 / value,
  Exp: Math.exp,
  Log: Math.log,
  Not: (value) => (value === 0 ? 1 : 0),
};

/** Calculates an elementwise operator of constants; undefined: it is none. */
export function foldArithmetic(node: OnnxNode, inputs: readonly Constant[]): Constant | undefined {
  const [first] = inputs;
  if (first === undefined) return undefined;
  const unary = UNARY[node.op];
  if (unary !== undefined) return constant(first.type, first.shape, first.values.map(unary));
  const binary = BINARY[node.op];
  if (binary !== undefined) {
    return inputs.slice(1).reduce((left, right) => elementwise(node, left.type, [left, right], binary), first);
  }
  const compared = COMPARED[node.op];
  if (compared !== undefined) {
    return elementwise(node, "bool", inputs, (left, right) => (compared(left, right) ? 1 : 0));
  }
  if (node.op !== "Where") return undefined;
  const pick = (if_: number, yes: number, no: number): number => (if_ === 0 ? no : yes);
  return broadcastCall(node, inputs[1]!.type, inputs, (values) => pick(values[0]!, values[1]!, values[2]!));
}

function elementwise(
  node: OnnxNode,
  type: ElementType,
  inputs: readonly Constant[],
  of: (left: number, right: number, type: ElementType) => number,
): Constant {
  return broadcastCall(node, type, inputs, (values) => of(values[0]!, values[1]!, inputs[0]!.type));
}

function broadcastCall(
  node: OnnxNode,
  type: ElementType,
  inputs: readonly Constant[],
  of: (values: readonly number[]) => number,
): Constant {
  const shape = broadcastShape(
    node,
    inputs.map((input) => input.shape),
  );
  const values = inputs.map((input) => broadcast(input, shape).values);
  const count = elementsOf(shape);
  return constant(
    type,
    shape,
    Array.from({ length: count }, (_, index) => of(values.map((list) => list[index]!))),
  );
}

/** NumPy's rule. */
export function broadcastShape(node: OnnxNode, shapes: readonly (readonly number[])[]): readonly number[] {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    const extents = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const most = Math.max(...extents);
    const extent = extents.includes(0) ? 0 : most;
    if (extents.some((each) => each !== 1 && each !== extent)) {
      throw notSupported(
        node,
        `its inputs have shapes that do not fit: ${shapes.map((shape) => `[${shape}]`).join(", ")}`,
      );
    }
    return extent;
  });
}

/** A constant repeated to a shape that it can be repeated to. */
export function broadcast(from: Constant, shape: readonly number[]): Constant {
  if (from.shape.join() === shape.join()) return from;
  const ones = Array.from({ length: shape.length - from.shape.length }, () => 1);
  const own = [...ones, ...from.shape];
  const strides = stridesOf(own).map((stride, axis) => (own[axis] === 1 ? 0 : stride));
  const to = stridesOf(shape);
  const values = new Float64Array(elementsOf(shape)).map((_, index) => {
    const place = strides.reduce(
      (sum, stride, axis) => sum + stride * (Math.floor(index / to[axis]!) % shape[axis]!),
      0,
    );
    return from.values[place]!;
  });
  return constant(from.type, shape, values);
}
