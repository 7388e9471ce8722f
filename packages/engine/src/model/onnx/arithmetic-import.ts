import { type Constant, transposition } from "./constants.ts";
import type { ImportState } from "./import-state.ts";
import { type Atom, aligned, extentOf, merged, shapeOf, type Variable, withFactor } from "./layout.ts";
import { MOVEMENT_IMPORTS, type OnnxImport } from "./movement-import.ts";
import { nodeName } from "./node-name.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";
import { inShape, placed, settled } from "./placing.ts";
import type { Expanded, Scores, Value } from "./values.ts";

export const ARITHMETIC_IMPORTS: Readonly<Record<string, OnnxImport>> = {
  Add: (node, state) => combine(node, state, "add", (value) => value),
  Sum: (node, state) => {
    if (node.inputs.length !== 2) throw notSupported(node, `it has ${node.inputs.length} inputs; expected two`);
    combine(node, state, "add", (value) => value);
  },
  Mul: (node, state) => combine(node, state, "multiply", (value) => value),
  Sub: (node, state) => {
    const [left, right] = [state.value(node, 0), state.value(node, 1)];
    if (right.kind === "constant") combine(node, state, "add", (value) => -value);
    else if (right.kind === "variable") {
      const negative = withFactor(right, -(right.factor ?? 1));
      put(node, state, join(node, state, "add", left, negative, [0, 1]));
    } else throw notSupported(node, "it takes off what is repeated or a product");
  },
  Div: (node, state) => {
    if (state.value(node, 1).kind !== "constant")
      throw notSupported(node, "it divides by what is calculated from the input");
    combine(node, state, "multiply", (value) => 1 / value);
  },
  Neg: (node, state) => {
    const x = state.variable(node, 0);
    put(node, state, withFactor(x, -(x.factor ?? 1)));
  },
};

type Kind = "add" | "multiply";

function put(node: OnnxNode, state: ImportState, value: Value): void {
  state.set(node.outputs[0]!, value);
}

function combine(node: OnnxNode, state: ImportState, kind: Kind, of: (value: number) => number): void {
  put(node, state, join(node, state, kind, state.value(node, 0), state.value(node, 1), [0, 1], of));
}

function join(
  node: OnnxNode,
  state: ImportState,
  kind: Kind,
  left: Value,
  right: Value,
  places: readonly [number, number],
  of: (value: number) => number = (value) => value,
): Value {
  if (left.kind === "constant") {
    if (right.kind === "constant")
      throw notSupported(node, "both of its inputs are constant, and are not calculated here");
    return join(node, state, kind, right, left, [places[1], places[0]], of);
  }
  if (left.kind === "scores" || right.kind === "scores") return scaled(node, kind, left, right, of);
  if (right.kind === "constant") return withConstant(node, state, kind, { left, places }, right, of);
  return ofTwo(node, state, kind, unrepeated(node, left, right, state), unrepeated(node, right, left, state));
}

/** Scores of an attention times a number, or with a mask of zeros. */
function scaled(node: OnnxNode, kind: Kind, left: Value, right: Value, of: (value: number) => number): Scores {
  if (left.kind === "scores" && right.kind === "constant") {
    if (kind === "multiply" && right.values.length === 1) return { ...left, scale: left.scale * of(right.values[0]!) };
    if (kind === "add" && right.values.every((value) => value === 0)) return left;
  }
  throw notSupported(
    node,
    "it changes an attention's scores; expected one number that they are multiplied by, and no mask",
  );
}

/** What a repeated tensor was before, where the other has the axes along which it is repeated. */
function unrepeated(node: OnnxNode, value: Value, other: Value, state: ImportState): Variable {
  if (value.kind !== "expanded") return variableOf(node, value, state);
  const shape = other.kind === "variable" ? shapeOf(other) : other.kind === "expanded" ? other.shape : [];
  const isSame = value.shape.join() === shape.join();
  if (!isSame) throw notSupported(node, `it uses a tensor repeated to [${value.shape}] with one of [${shape}]`);
  return value.base;
}

function variableOf(node: OnnxNode, value: Exclude<Value, Expanded>, state: ImportState): Variable {
  const index = [0, 1].find((place) => state.value(node, place) === value);
  return value.kind === "variable" ? value : state.variable(node, index ?? 0);
}

function ofTwo(node: OnnxNode, state: ImportState, kind: Kind, one: Variable, other: Variable): Variable {
  const [first, second] = [settled(state, one), settled(state, other)];
  const isTurned = sizeOf(second) > sizeOf(first);
  const { left, right, leftOf } = aligned(isTurned ? second : first, isTurned ? first : second);
  const place = (atom: Atom): number => left.order.indexOf(leftOf.get(atom)!);
  if (right.order.some((atom) => place(atom) < 0)) {
    throw notSupported(
      node,
      `its inputs have the shapes [${shapeOf(one)}] and [${shapeOf(other)}]; expected one that has all axes`,
    );
  }
  const wanted = right.order.toSorted((a, b) => place(a) - place(b));
  const here = new Set([...leftOf].filter(([atom]) => right.order.includes(atom)).map(([, atom]) => atom));
  const runs = commonRuns(state.draft.shapeOf(left.node), left.order, here);
  const shape = runs.map(({ extent }) => extent);
  const axes = runs.map(({ isShared, atoms }) =>
    isShared ? wanted.filter((atom) => atoms.includes(leftOf.get(atom)!)) : [],
  );
  const inputs = [inShape(state, left.node, shape), placed(state, right, axes, node).node];
  return { ...left, node: state.draft.put(kind, inputs, {}, nodeName(node)) };
}

function sizeOf({ order }: Variable): number {
  return extentOf(order);
}

interface Run {
  readonly atoms: readonly Atom[];
  readonly extent: number;
  readonly isShared: boolean;
}

/** The axes of a node's shape, where the other has each whole or not at all; else finer ones. */
function commonRuns(shape: readonly number[], order: readonly Atom[], shared: ReadonlySet<Atom>): readonly Run[] {
  const rest = [...order];
  const runs: Run[] = [];
  for (const extent of shape) {
    let left = extent;
    const atoms: Atom[] = [];
    while (left > 1 && rest.length > 0 && left % rest[0]!.extent === 0) {
      left /= rest[0]!.extent;
      atoms.push(rest.shift()!);
    }
    const isShared = atoms.length > 0 && shared.has(atoms[0]!);
    if (left > 1 || atoms.some((atom) => shared.has(atom) !== isShared)) {
      return order.map((atom) => ({ atoms: [atom], extent: atom.extent, isShared: shared.has(atom) }));
    }
    runs.push({ atoms, extent, isShared });
  }
  return runs;
}

interface ConstantPlace {
  readonly left: Exclude<Value, Constant | Scores>;
  /** Positions of the variable and of the constant among the node's inputs. */
  readonly places: readonly [number, number];
}

function withConstant(
  node: OnnxNode,
  state: ImportState,
  kind: Kind,
  { left, places }: ConstantPlace,
  numbers: Constant,
  of: (value: number) => number,
): Variable {
  if (left.kind === "expanded") throw notSupported(node, "it calculates with a tensor repeated along an axis");
  const x = variableOf(node, left, state);
  const extents = numbers.repeated === undefined ? numbers.shape : numbers.shape.with(numbers.repeated, 1);
  const shape = [...Array.from({ length: x.axes.length - extents.length }, () => 1), ...extents];
  const varying = shape.flatMap((extent, axis) => (extent > 1 ? [axis] : []));
  if (shape.length !== x.axes.length || varying.some((axis) => shape[axis] !== shapeOf(x)[axis])) {
    throw notSupported(node, `it calculates with numbers of the shape [${extents}] on one of [${shapeOf(x)}]`);
  }
  const [axis, ...others] = varying;
  if (axis === undefined) return withNumber(node, state, kind, x, of(numbers.values[0]!));
  if (others.length === 0) return byChannel(node, state, kind, { x, axis, places, numbers, of });
  const isWhole = x.axes.every((atoms, at) => shape[at]! > 1 || atoms.every((atom) => atom === state.batch));
  if (kind === "add" && isWhole && of(1) === 1) return withPositions(node, state, x, places[1]);
  throw notSupported(
    node,
    `it calculates with numbers of the shape [${extents}]; expected one, or one for each channel`,
  );
}

/** A number for each place of a sample: added, and trained, as the positions of tokens. */
function withPositions(node: OnnxNode, state: ImportState, x: Variable, place: number): Variable {
  const ready = merged(settled(state, x));
  const inFile = ready.axes.flat().filter((atom) => atom !== state.batch);
  const order = ready.order.map((atom) => inFile.indexOf(atom));
  const extents = inFile.map(({ extent }) => extent);
  const embedding = state.parameter(node, place, transposition(extents, order));
  return { ...ready, node: state.draft.put("positions", [ready.node], {}, nodeName(node), { embedding }) };
}

function withNumber(node: OnnxNode, state: ImportState, kind: Kind, x: Variable, number: number): Variable {
  if (kind === "multiply") return withFactor(x, (x.factor ?? 1) * number);
  if (number === 0) return x;
  const { node: input, ...rest } = settled(state, withFactor(x, 1));
  const attributes = { scale: [x.factor ?? 1], offset: [number] };
  return { ...rest, node: state.draft.put("affine", [input], attributes, nodeName(node)) };
}

interface ByChannel {
  readonly x: Variable;
  /** Of the file, along which the numbers differ. */
  readonly axis: number;
  readonly places: ConstantPlace["places"];
  readonly numbers: Constant;
  readonly of: (value: number) => number;
}

const WITH_BIAS: ReadonlySet<string> = new Set(["dense", "conv2d", "depthwiseConv2d"]);

function byChannel(
  node: OnnxNode,
  state: ImportState,
  kind: Kind,
  { x, axis, places, numbers, of }: ByChannel,
): Variable {
  const ready = merged(settled(state, x));
  const own = ready.axes[axis]!;
  const before = ready.order.filter((atom) => !own.includes(atom));
  const isInnermost = [...before, ...own].every((atom, place) => atom === ready.order[place]);
  const isShaped = isInnermost && state.draft.shapeOf(ready.node).at(-1) === extentOf(own);
  const { node: input, variable } = isShaped
    ? { node: ready.node, variable: ready }
    : placed(state, ready, [...before.map((atom) => [atom]), own], node);
  const { node: made, isLearned } = state.draft.get(input);
  const put = (name: string): Variable => ({ ...variable, node: name });
  const isTrained = isLearned && numbers.origin !== undefined && of(1) === 1;
  if (kind === "add" && isTrained && input === x.node && WITH_BIAS.has(made.kind) && !hasBias(made.attributes)) {
    if (isOnlyReader(state, node.inputs[places[0]]!, node)) {
      state.draft.amend(input, { useBias: true }, { bias: state.parameter(node, places[1]) });
      return put(input);
    }
  }
  if (kind === "multiply" && isTrained) {
    const gamma = state.parameter(node, places[1]);
    return put(state.draft.put("layerScale", [input], {}, nodeName(node), { gamma }));
  }
  if (isTrained) state.note(`what "${node.name}" (${node.op}) calculates with stays as it is`);
  const list = Array.from(numbers.values, of);
  const attributes = kind === "add" ? { scale: [1], offset: list } : { scale: list, offset: [0] };
  return put(state.draft.put("affine", [input], attributes, nodeName(node)));
}

function hasBias(attributes: object): boolean {
  return "useBias" in attributes && attributes.useBias === true;
}

/** Whether a node is the only one that reads a value, by any name that it has. */
function isOnlyReader(state: ImportState, name: string, reader: OnnxNode): boolean {
  const readers = state.readersOf(name);
  if (readers.length !== 1 || readers[0] !== reader) return false;
  const maker = state.makerOf(name);
  if (maker === undefined || MOVEMENT_IMPORTS[maker.op] === undefined) return true;
  return isOnlyReader(state, maker.inputs[0]!, maker);
}
