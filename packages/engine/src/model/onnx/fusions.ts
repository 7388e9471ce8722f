import { elementsOf } from "../model-graph.ts";
import type { Constant } from "./constants.ts";
import { Attributes, type OnnxNode } from "./onnx-node.ts";

/** The nodes of a file, and who makes and reads what. */
export interface NodeView {
  readonly nodes: readonly OnnxNode[];
  makerOf(value: string): OnnxNode | undefined;
  readersOf(value: string): readonly OnnxNode[];
  /** A tensor of the file, through nodes that only rename it. */
  constantOf(value: string): Constant | undefined;
}

/** Several nodes that are one operation: the last is replaced by `as`, the others have no other readers. */
interface Fusion {
  readonly last: OnnxNode;
  readonly as: Pick<OnnxNode, "op" | "inputs" | "uses"> & { readonly settings?: Readonly<Record<string, number>> };
}

type Pattern = (node: OnnxNode, view: NodeView) => Fusion | undefined;

/** An input of a node, and where the file reads it. */
interface Read {
  readonly name: string;
  readonly use: OnnxNode["uses"][number];
}

/** Of a vector's length, where the file adds nothing: no number changes by it. */
const LEAST_EPSILON = 1e-24;
const GELU_INNER = Math.SQRT1_2;
/** Numbers of files are float32, and some were rounded on their way. */
const NEAR = 1e-4;

/** Activations and normalisations as exporters write what older operator sets lack, by the operator that begins them. */
const PATTERNS: Readonly<Record<string, Pattern>> = {
  Sigmoid: (node, view) => {
    const [inner = ""] = node.inputs;
    const [product] = onlyReaders(view, node.outputs[0]!);
    if (product?.op !== "Mul") return undefined;
    const other = otherOf(product, node.outputs[0]!);
    if (other.name === inner)
      return { last: product, as: { op: "mpo.Swish", inputs: [other.name], uses: [other.use] } };
    const maker = view.makerOf(inner);
    const scale = maker?.op === "Mul" ? scalarBeside(maker, other.name, view) : undefined;
    if (scale === undefined) return undefined;
    return { last: product, as: { op: "mpo.Swish", inputs: [other.name], uses: [other.use], settings: { scale } } };
  },
  HardSigmoid: (node, view) => {
    const [product] = onlyReaders(view, node.outputs[0]!);
    if (product?.op !== "Mul" || Math.abs(node.attributes.float("alpha", 0.2) - 1 / 6) > 1e-6) return undefined;
    if (node.attributes.float("beta", 0.5) !== 0.5) return undefined;
    const other = otherOf(product, node.outputs[0]!);
    if (other.name !== node.inputs[0]) return undefined;
    return { last: product, as: { op: "HardSwish", inputs: [other.name], uses: [other.use] } };
  },
  Erf: (node, view) => {
    const inner = view.makerOf(node.inputs[0]!);
    if (inner === undefined || (inner.op !== "Div" && inner.op !== "Mul")) return undefined;
    const x = inner.inputs.find((input) => view.constantOf(input) === undefined)!;
    const by = scalarBeside(inner, x, view) ?? 0;
    if (!isNear(inner.op === "Div" ? 1 / by : by, GELU_INNER)) return undefined;
    const [sum] = onlyReaders(view, node.outputs[0]!);
    if (sum?.op !== "Add" || !isNear(scalarBeside(sum, node.outputs[0]!, view), 1)) return undefined;
    const product = productOf(sum.outputs[0]!, x, view);
    if (product === undefined || !product.hasInput || !isNear(product.factor, 0.5)) return undefined;
    return { last: product.last, as: { op: "mpo.Gelu", inputs: [x], uses: [readOf(inner, x).use] } };
  },
  Clip: (node, view) => {
    const moved = view.makerOf(node.inputs[0]!);
    const [least, most] = [1, 2].map((index) => view.constantOf(node.inputs[index] ?? "")?.values[0]);
    if (moved?.op !== "Add" || least !== 0 || most !== 6) return undefined;
    const x = moved.inputs.find((input) => view.constantOf(input) === undefined) ?? "";
    if (x === "" || !isNear(scalarBeside(moved, x, view), 3)) return undefined;
    const product = productOf(node.outputs[0]!, x, view);
    if (product === undefined || !isNear(product.factor, 1 / 6)) return undefined;
    const as = { inputs: [x], uses: [readOf(moved, x).use] };
    if (product.hasInput) return { last: product.last, as: { op: "HardSwish", ...as } };
    return { last: product.last, as: { op: "HardSigmoid", ...as, settings: { alpha: 1 / 6 } } };
  },
  ReduceMean: (node, view) => {
    const [x = ""] = node.inputs;
    const mean = node.outputs[0]!;
    const differences = view
      .readersOf(mean)
      .filter(({ op, inputs }) => op === "Sub" && inputs[0] === x && inputs[1] === mean);
    const quotient = differences.flatMap(({ outputs }) => view.readersOf(outputs[0]!)).find(({ op }) => op === "Div");
    if (quotient === undefined || !isOverLast(node, view)) return undefined;
    const root = view.makerOf(quotient.inputs[1]!);
    const sum = root?.op === "Sqrt" ? view.makerOf(root.inputs[0]!) : undefined;
    const variance =
      sum?.op === "Add" ? view.makerOf(sum.inputs.find((input) => view.constantOf(input) === undefined)!) : undefined;
    if (sum === undefined || variance?.op !== "ReduceMean" || !isOverLast(variance, view)) return undefined;
    const square = view.makerOf(variance.inputs[0]!);
    const epsilon = scalarBeside(sum, variance.outputs[0]!, view);
    const isOfDifference = differences.some(({ outputs }) => outputs[0] === square?.inputs[0]);
    if (square === undefined || !isSquare(square, view) || !isOfDifference || epsilon === undefined) return undefined;
    const scaled = byChannel(view, quotient, "Mul");
    const moved = scaled && byChannel(view, scaled.node, "Add");
    const reads = [readOf(node, x), ...(scaled ? [scaled.read] : []), ...(moved ? [moved.read] : [])];
    const last = moved?.node ?? scaled?.node ?? quotient;
    return { last, as: { op: "mpo.LayerNorm", ...asInputs(reads), settings: { epsilon } } };
  },
  Div: (node, view) => {
    const [x = "", by = ""] = node.inputs;
    const spread = view.makerOf(by);
    const length = spread?.op === "Expand" ? view.makerOf(spread.inputs[0]!) : spread;
    const least = length?.op === "Clip" || length?.op === "Max" ? scalarOf(length.inputs[1], view) : undefined;
    const root = least === undefined ? length : view.makerOf(length!.inputs[0]!);
    const found = root && sumOfSquares(root, x, view);
    if (found === undefined) return undefined;
    const epsilon = Math.max(found.epsilon, (least ?? 0) ** 2, LEAST_EPSILON);
    const settings = { epsilon, axis: found.axis };
    return { last: node, as: { op: "mpo.L2Normalise", ...asInputs([readAt(node, 0)]), settings } };
  },
  InstanceNormalization: (node, view) => {
    const before = view.makerOf(node.inputs[0]!);
    const [after] = onlyReaders(view, node.outputs[0]!);
    if (before?.op !== "Reshape" || after?.op !== "Reshape") return undefined;
    const scaled = byChannel(view, after, "Mul");
    const moved = scaled && byChannel(view, scaled.node, "Add");
    const groups = view.constantOf(node.inputs[1]!)?.values.length;
    if (scaled === undefined || moved === undefined || groups === undefined) return undefined;
    const reads = [
      readAt(before, 0),
      scaled.read,
      moved.read,
      readAt(before, 1),
      readAt(after, 1),
      readAt(node, 1),
      readAt(node, 2),
    ];
    const epsilon = node.attributes.float("epsilon", 1e-5);
    return {
      last: moved.node,
      as: { op: "mpo.GroupNorm", ...asInputs(reads), settings: { num_groups: groups, epsilon } },
    };
  },
};

/** The nodes with each pattern's as one, where its last was. What then nobody reads is left for pruning. */
export function fused(view: NodeView): readonly OnnxNode[] {
  const replaced = new Map<OnnxNode, OnnxNode>();
  for (const node of view.nodes) {
    const fusion = PATTERNS[node.op]?.(node, view);
    if (fusion === undefined) continue;
    const { last, as } = fusion;
    const attributes = Attributes.ofFloats(as.settings ?? {});
    replaced.set(last, { name: last.name, outputs: last.outputs, ...as, attributes });
  }
  return view.nodes.map((node) => replaced.get(node) ?? node);
}

/** The readers of a value, where it is one; else none. */
function onlyReaders(view: NodeView, value: string): readonly OnnxNode[] {
  const readers = view.readersOf(value);
  return readers.length === 1 ? readers : [];
}

function readAt({ inputs, uses }: OnnxNode, index: number): Read {
  return { name: inputs[index]!, use: uses[index]! };
}

function readOf(node: OnnxNode, name: string): Read {
  return readAt(node, node.inputs.indexOf(name));
}

function otherOf(node: OnnxNode, name: string): Read {
  return readAt(node, node.inputs[0] === name ? 1 : 0);
}

function asInputs(reads: readonly Read[]): Pick<OnnxNode, "inputs" | "uses"> {
  return { inputs: reads.map(({ name }) => name), uses: reads.map(({ use }) => use) };
}

/** The one number that a node of two inputs has beside a value. */
function scalarBeside(node: OnnxNode, name: string, view: NodeView): number | undefined {
  if (!node.inputs.includes(name)) return undefined;
  return scalarOf(otherOf(node, name).name, view);
}

function isNear(value: number | undefined, expected: number): boolean {
  return value !== undefined && Math.abs(value - expected) <= NEAR * expected;
}

interface Product {
  readonly last: OnnxNode;
  readonly factor: number;
  /** The other input of the pattern is among what is multiplied. */
  readonly hasInput: boolean;
}

/** Follows a value through products with numbers and with x, or a multiple of x, in whatever order. */
function productOf(value: string, x: string, view: NodeView): Product | undefined {
  let [last, factor, hasInput]: [OnnxNode | undefined, number, boolean] = [undefined, 1, false];
  let name = value;
  for (;;) {
    const [next] = onlyReaders(view, name);
    if (next === undefined || (next.op !== "Mul" && next.op !== "Div")) break;
    const other = otherOf(next, name).name;
    const number = scalarBeside(next, name, view);
    if (next.op === "Div" && (number === undefined || next.inputs[0] !== name)) break;
    if (number !== undefined) {
      // A number after x was multiplied may be anything; the pattern's own comes at once.
      if (hasInput && isNear(factor, 0.5)) break;
      factor *= next.op === "Div" ? 1 / number : number;
    } else if (!hasInput && other === x) hasInput = true;
    else {
      const maker = view.makerOf(other);
      const own = maker?.op === "Mul" && !hasInput ? scalarBeside(maker, x, view) : undefined;
      if (own === undefined) break;
      factor *= own;
      hasInput = true;
    }
    last = next;
    [name] = next.outputs as [string];
  }
  return last && { last, factor, hasInput };
}

/** Over the last axis alone, which stays as an axis of one. */
function isOverLast(node: OnnxNode, view: NodeView): boolean {
  return onlyAxisOf(node, view) === -1;
}

/** The one axis that a node reduces to an axis of one. */
function onlyAxisOf(node: OnnxNode, view: NodeView): number | undefined {
  const axes = node.attributes.ints("axes") ?? Array.from(view.constantOf(node.inputs[1] ?? "")?.values ?? []);
  return axes.length === 1 && node.attributes.int("keepdims", 1) === 1 ? axes[0] : undefined;
}

/** Of a node that is the length of x: over which axis, and what is added before the root. */
function sumOfSquares(
  root: OnnxNode,
  x: string,
  view: NodeView,
): { readonly axis: number; readonly epsilon: number } | undefined {
  const [inner = ""] = root.inputs;
  if (root.op === "ReduceL2") {
    const axis = inner === x ? onlyAxisOf(root, view) : undefined;
    return axis === undefined ? undefined : { axis, epsilon: 0 };
  }
  const added = root.op === "Sqrt" ? view.makerOf(inner) : undefined;
  const moved = added?.op === "Add" ? added.inputs.find((input) => view.constantOf(input) === undefined) : undefined;
  const sum = moved === undefined ? added : view.makerOf(moved);
  const square = sum?.op === "ReduceSum" ? view.makerOf(sum.inputs[0]!) : undefined;
  const axis = sum && onlyAxisOf(sum, view);
  if (square === undefined || axis === undefined || square.inputs[0] !== x || !isSquare(square, view)) return undefined;
  const epsilon = moved === undefined ? 0 : scalarBeside(added!, moved, view);
  return epsilon === undefined ? undefined : { axis, epsilon };
}

function isSquare({ op, inputs }: OnnxNode, view: NodeView): boolean {
  return op === "Pow" ? scalarOf(inputs[1], view) === 2 : op === "Mul" && inputs[0] === inputs[1];
}

function scalarOf(name: string | undefined, view: NodeView): number | undefined {
  const values = view.constantOf(name ?? "")?.values;
  return values?.length === 1 ? values[0] : undefined;
}

/** The only reader of a node, where it multiplies or adds a number for each channel. */
function byChannel(
  view: NodeView,
  node: OnnxNode,
  op: string,
): { readonly node: OnnxNode; readonly read: Read } | undefined {
  const [next] = onlyReaders(view, node.outputs[0]!);
  if (next?.op !== op) return undefined;
  const read = otherOf(next, node.outputs[0]!);
  const shape = view.constantOf(read.name)?.shape;
  return shape !== undefined && shape.length > 0 && elementsOf(shape) === Math.max(...shape)
    ? { node: next, read }
    : undefined;
}
