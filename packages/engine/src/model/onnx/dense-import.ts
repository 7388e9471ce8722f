import { isAttended, product } from "./attention-import.ts";
import { transposition } from "./constants.ts";
import type { ImportState } from "./import-state.ts";
import { lastAxisInput } from "./inputs.ts";
import { extentOf, merged } from "./layout.ts";
import type { OnnxImport } from "./movement-import.ts";
import { nodeName } from "./node-name.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";
import { atomsOf, inShape, type Placed } from "./placing.ts";
import type { Arrange } from "./source.ts";

export const DENSE_IMPORTS: Readonly<Record<string, OnnxImport>> = {
  Gemm: (node, state) => {
    const { attributes } = node;
    const isPlain = attributes.float("alpha", 1) === 1 && attributes.float("beta", 1) === 1;
    if (!isPlain || attributes.int("transA", 0) === 1) {
      throw notSupported(node, "it has alpha, beta or transA; expected x B + C");
    }
    const isTransposed = attributes.int("transB", 0) === 1;
    const hasBias = state.has(node, 2);
    const units = state.constant(node, 1).shape[isTransposed ? 0 : 1];
    if (hasBias && state.constant(node, 2).values.length !== units) throw notSupported(node, "its C is no bias");
    dense(node, state, isTransposed, hasBias);
  },
  MatMul: (node, state) => {
    const [left, right] = [state.value(node, 0), state.value(node, 1)];
    if (right.kind === "constant") dense(node, state, false, false);
    else if (left.kind === "constant")
      throw notSupported(node, "it multiplies a constant by a variable; expected the other way");
    else product(node, state);
  },
};

function dense(node: OnnxNode, state: ImportState, isTransposed: boolean, useBias: boolean): void {
  const { shape } = state.constant(node, 1);
  const [rows = 1, columns = 1] = shape.slice(-2);
  if (shape.length < 2 || rows * columns !== state.constant(node, 1).values.length) {
    throw notSupported(node, `its weights have the shape [${shape}]; expected [inputs, outputs]`);
  }
  const units = isTransposed ? rows : columns;
  const turned: Arrange = isTransposed ? transposition([rows, columns], [1, 0]) : (same) => same;
  const { node: x, variable, reorder } = features(node, state, units);
  const last = variable.axes.at(-1)!;
  const kernel = state.parameter(node, 1, (values) => reorder(turned(values)));
  const parameters = { kernel, ...(useBias ? { bias: state.parameter(node, 2) } : {}) };
  const part = isAttended(state, x) ? ({ partOf: "attention" } as const) : {};
  const made = state.draft.put("dense", [x], { units, useBias, ...part }, nodeName(node, 1), parameters);
  const out = atomsOf(units);
  const order = [...variable.order.filter((atom) => !last.includes(atom)), ...out];
  state.set(node.outputs[0]!, { kind: "variable", node: made, order, axes: [...variable.axes.slice(0, -1), out] });
}

/**
 * The input with its last axis innermost. Where a sample has no other, its values stay in the order they lie in, and the
 * rows of the kernel are put into that order (a flatten of channels first is none here).
 */
function features(node: OnnxNode, state: ImportState, units: number): Placed & { readonly reorder: Arrange } {
  const variable = merged(state.settled(node, 0));
  const last = variable.axes.at(-1) ?? [];
  if (variable.order.some((atom) => !last.includes(atom)))
    return { ...lastAxisInput(state, node, 0), reorder: (same) => same };
  const extents = [...last.map(({ extent }) => extent), units];
  const order = [...variable.order.map((atom) => last.indexOf(atom)), last.length];
  const x = inShape(state, variable.node, [extentOf(last)]);
  return { node: x, variable, reorder: transposition(extents, order) };
}
