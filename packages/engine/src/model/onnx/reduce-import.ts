import { axesOf } from "./fold-movement.ts";
import type { ImportState } from "./import-state.ts";
import { type Atom, extentOf, merged, type Variable } from "./layout.ts";
import { givenConstant, type OnnxImport } from "./movement-import.ts";
import { nodeName } from "./node-name.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";
import { inShape } from "./placing.ts";
import { globalMean } from "./window-import.ts";

export const REDUCE_IMPORTS: Readonly<Record<string, OnnxImport>> = {
  ReduceMean: (node, state) => {
    const isOfImage = state.shape(node, 0).length === 4 && reducedAxes(node, state).join() === "2,3";
    if (isOfImage) state.set(node.outputs[0]!, globalMean(node, state, keepsDims(node)));
    else reduce(node, state, "mean");
  },
  ReduceSum: (node, state) => reduce(node, state, "sum"),
};

function keepsDims({ attributes }: OnnxNode): boolean {
  return attributes.int("keepdims", 1) === 1;
}

function reducedAxes(node: OnnxNode, state: ImportState): readonly number[] {
  const rank = state.shape(node, 0).length;
  const axes = axesOf(node, givenConstant(node, state, 1), rank) ?? Array.from({ length: rank }, (_, axis) => axis);
  return axes.toSorted((left, right) => left - right);
}

/** Over axes wherever they lie. */
function reduce(node: OnnxNode, state: ImportState, of: "mean" | "sum"): void {
  const reduced = reducedAxes(node, state);
  const x = merged(state.settled(node, 0));
  const gone = new Set(reduced.flatMap((axis) => x.axes[axis]!));
  if (gone.has(state.batch)) throw notSupported(node, "it mixes the samples of a batch");
  const runs: Atom[][] = [];
  for (const atom of x.order) {
    const last = runs.at(-1);
    if (last !== undefined && gone.has(last[0]!) === gone.has(atom)) last.push(atom);
    else runs.push([atom]);
  }
  if (gone.size === 0) {
    state.set(node.outputs[0]!, { ...x, axes: keptAxes(node, x, reduced) });
    return;
  }
  const axes = runs.flatMap(([atom], place) => (gone.has(atom!) ? [place] : []));
  const input = inShape(state, x.node, runs.map(extentOf));
  const attributes = { function: of, axes, keepDims: runs.length === axes.length };
  const made = state.draft.put("reduce", [input], attributes, nodeName(node));
  const order = x.order.filter((atom) => !gone.has(atom));
  state.set(node.outputs[0]!, { kind: "variable", node: made, order, axes: keptAxes(node, x, reduced) });
}

function keptAxes(node: OnnxNode, { axes }: Variable, reduced: readonly number[]): Variable["axes"] {
  if (!keepsDims(node)) return axes.filter((_, axis) => !reduced.includes(axis));
  return axes.map((atoms, axis) => (reduced.includes(axis) ? [] : atoms));
}
