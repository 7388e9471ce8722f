import { transposition } from "./constants.ts";
import { axisOf } from "./fold-movement.ts";
import type { ImportState } from "./import-state.ts";
import { type Atom, merged, shapeOf } from "./layout.ts";
import type { OnnxImport } from "./movement-import.ts";
import { nodeName } from "./node-name.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";
import { atomsOf, batchAxis, placed, sampleAxes } from "./placing.ts";

export const JOIN_IMPORTS: Readonly<Record<string, OnnxImport>> = {
  Concat: (node, state) => {
    const isConstant = node.inputs.map((_, index) => state.value(node, index).kind === "constant");
    if (!isConstant.includes(true)) concat(node, state);
    else if (isConstant.join() === "true,false") withClassToken(node, state);
    else throw notSupported(node, "it joins constants and calculated tensors; expected one token before the others");
  },
};

/** Along any axis, which is put innermost. */
function concat(node: OnnxNode, state: ImportState): void {
  const inputs = node.inputs.map((_, index) => state.variable(node, index));
  const [first] = inputs;
  const axis = axisOf(node.attributes.int("axis", 0), first!.axes.length);
  if (axis === 0) throw notSupported(node, "it joins batches");
  const extents = inputs.map(shapeOf);
  if (extents.some((shape) => shape.with(axis, 0).join() !== extents[0]!.with(axis, 0).join())) {
    throw notSupported(node, `its inputs have the shapes ${extents.map((shape) => `[${shape}]`).join(", ")}`);
  }
  const parts = inputs.map((input, index) => {
    const axes = sampleAxes(state, input, node);
    const result = placed(state, input, [...axes.toSpliced(axis - 1, 1), axes[axis - 1]!], node);
    state.set(node.inputs[index]!, result.variable);
    return result.node;
  });
  const made = parts.length === 1 ? parts[0]! : state.draft.put("concat", parts, {}, nodeName(node));
  const atoms = state.draft.shapeOf(made).map(atomsOf);
  const axes = [...atoms.slice(0, -1)].toSpliced(axis - 1, 0, atoms.at(-1)!);
  state.set(node.outputs[0]!, { kind: "variable", node: made, order: atoms.flat(), axes: [batchAxis(state), ...axes] });
}

/** One row that is the same for all samples, before the tokens `[batch, tokens, width]`. */
function withClassToken(node: OnnxNode, state: ImportState): void {
  const token = state.constant(node, 0);
  const tokens = merged(state.variable(node, 1));
  const [rows = [], width = []] = sampleAxes(state, tokens, node);
  const isRow = token.shape.length === 3 && token.shape[1] === 1 && token.values.length === shapeOf(tokens)[2];
  if (tokens.axes.length !== 3 || axisOf(node.attributes.int("axis", 0), 3) !== 1 || !isRow) {
    throw notSupported(
      node,
      `it joins [${token.shape}] and [${shapeOf(tokens)}]; expected one token before the others`,
    );
  }
  const x = placed(state, tokens, [rows, width], node);
  const parameters = { token: state.parameter(node, 0, transposition([token.values.length], [0])) };
  const made = state.draft.put("classToken", [x.node], {}, nodeName(node), parameters);
  const [all, each] = state.draft.shapeOf(made).map(atomsOf) as [readonly Atom[], readonly Atom[]];
  state.set(node.outputs[0]!, {
    kind: "variable",
    node: made,
    order: [...all, ...each],
    axes: [batchAxis(state), all, each],
  });
}
