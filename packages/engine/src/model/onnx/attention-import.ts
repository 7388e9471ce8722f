import type { ImportState } from "./import-state.ts";
import { type Atom, extentOf, type Variable, withCut, withFactor } from "./layout.ts";
import { nodeName } from "./node-name.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";
import { placed } from "./placing.ts";
import type { Scores } from "./values.ts";

// Scaled dot-product attention, however a file writes it: a product of two calculated tensors is kept as scores until a
// softmax and the product with the values have come. Heads are known by where their factor lies in memory.

/** A product of two calculated tensors: the scores of an attention, or what it makes of its values. */
export function product(node: OnnxNode, state: ImportState): void {
  const [left, right] = [state.value(node, 0), state.value(node, 1)];
  if (left.kind === "variable" && right.kind === "variable") {
    const scale = (left.factor ?? 1) * (right.factor ?? 1);
    const [queries, keys] = [withFactor(left, 1), withFactor(right, 1)];
    state.set(node.outputs[0]!, { kind: "scores", queries, keys, scale, isWeights: false });
  } else if (left.kind === "scores" && left.isWeights && right.kind === "variable") {
    state.set(node.outputs[0]!, attended(node, state, left, right));
  } else {
    throw notSupported(node, "it multiplies calculated tensors; expected attention: softmax(scale * Q K') V");
  }
}

/** The parts of a layout `[..., tokens, head width]`. */
interface Parts {
  readonly variable: Variable;
  readonly tokens: readonly Atom[];
  readonly heads: readonly Atom[];
  readonly head: readonly Atom[];
  /** What else there is, each a sequence of its own: pixels of patches. */
  readonly others: readonly Atom[];
}

function attended(node: OnnxNode, state: ImportState, { queries, keys, scale }: Scores, values: Variable): Variable {
  const turned = { ...keys, axes: [...keys.axes.slice(0, -2), keys.axes.at(-1)!, keys.axes.at(-2)!] };
  const factor = values.factor ?? 1;
  const three = [queries, turned, withFactor(values, 1)].map((variable) => partsOf(variable, state.batch));
  const first = three[0]!;
  const describe = (parts: Parts): string => {
    const kindOf = (atom: Atom): string => (parts.heads.includes(atom) ? "h" : "s");
    const runs: { kind: string; extent: number }[] = [];
    for (const atom of parts.variable.axes
      .slice(0, -2)
      .flat()
      .filter((each) => each !== state.batch)) {
      const last = runs.at(-1);
      if (last?.kind === kindOf(atom)) last.extent *= atom.extent;
      else runs.push({ kind: kindOf(atom), extent: atom.extent });
    }
    return `${JSON.stringify(runs)} ${extentOf(parts.head)}`;
  };
  if (three.some((parts) => describe(parts) !== describe(first))) {
    throw notSupported(node, "the heads of its queries, keys and values lie differently");
  }
  const heads = extentOf(first.heads);
  const inputs = packed(three, node, state) ?? three.map((parts) => apart(parts, node, state));
  for (const input of inputs) markAsAttention(state, input);
  const made = state.draft.put("attention", inputs, { heads, scale }, nodeName(node));
  const order = [...first.others, ...first.tokens, ...first.heads, ...first.head];
  const { axes } = queries;
  return withFactor({ kind: "variable", node: made, order, axes }, factor);
}

/** Heads are the factors before the tokens' axis that lie after the tokens in memory. */
function partsOf(variable: Variable, batch: Atom): Parts {
  const [tokens, head] = variable.axes.slice(-2) as [readonly Atom[], readonly Atom[]];
  const before = variable.axes
    .slice(0, -2)
    .flat()
    .filter((atom) => atom !== batch);
  const place = (atom: Atom): number => variable.order.indexOf(atom);
  const end = Math.max(-1, ...tokens.map(place));
  const heads = before.filter((atom) => place(atom) > end).toSorted((left, right) => place(left) - place(right));
  return { variable, tokens, heads, head, others: before.filter((atom) => !heads.includes(atom)) };
}

/** As `[..., tokens, width]`. */
function apart({ variable, tokens, heads, head, others }: Parts, node: OnnxNode, state: ImportState): string {
  const axes = [...(others.length > 0 ? [others] : []), tokens, [...heads, ...head]];
  return placed(state, variable, axes, node).node;
}

/** All three as one, where they are the thirds of the last axis of one tensor. */
function packed(three: readonly Parts[], node: OnnxNode, state: ImportState): readonly string[] | undefined {
  const first = three[0]!;
  const width = extentOf([...first.heads, ...first.head]);
  const isThird = ({ variable, heads, head }: Parts, third: number): boolean => {
    const { cut, order } = variable;
    if (cut === undefined || variable.node !== first.variable.node || cut.at !== first.variable.cut?.at) return false;
    const after = extentOf(order.slice(cut.at + cut.count));
    const own = [...heads, ...head];
    const isOwn = order.slice(cut.at).every((atom, place) => atom === own[place]);
    return isOwn && cut.whole * after === 3 * width && cut.begin * after === third * width;
  };
  if (!three.every(isThird)) return undefined;
  const { variable, tokens, others } = first;
  const whole: Atom = { extent: 3 * width };
  const order = [...variable.order.slice(0, variable.cut!.at), whole];
  const all = withCut({ ...variable, order }, undefined);
  return [placed(state, all, [...(others.length > 0 ? [others] : []), tokens, [whole]], node).node];
}

/** The dense layers that make queries, keys and values, behind what only moves their numbers. */
export function markAsAttention(state: ImportState, name: string): void {
  const { node } = state.draft.get(name);
  if (node.kind === "dense") state.draft.amend(name, { partOf: "attention" }, {});
  else if (["reshape", "rearrange", "slice", "affine"].includes(node.kind)) markAsAttention(state, node.inputs[0]!);
}

/** Whether a node's numbers are an attention's, moved or not. */
export function isAttended(state: ImportState, name: string): boolean {
  const { node } = state.draft.get(name);
  if (node.kind === "attention") return true;
  return (node.kind === "reshape" || node.kind === "rearrange") && isAttended(state, node.inputs[0]!);
}
