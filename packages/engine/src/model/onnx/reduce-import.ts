import { axesOf } from "./fold-movement.ts";
import type { ImportState } from "./import-state.ts";
import { givenConstant, type OnnxImport } from "./movement-import.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";
import { globalMean } from "./window-import.ts";

export const REDUCE_IMPORTS: Readonly<Record<string, OnnxImport>> = {
  ReduceMean: (node, state) => {
    const axes = reducedAxes(node, state);
    const rank = state.shape(node, 0).length;
    if (rank !== 4 || axes.join() !== "2,3")
      throw notSupported(node, `it is over the axes ${axes.join(", ")} of ${rank}`);
    state.set(node.outputs[0]!, globalMean(node, state, node.attributes.int("keepdims", 1) === 1));
  },
};

function reducedAxes(node: OnnxNode, state: ImportState): readonly number[] {
  const rank = state.shape(node, 0).length;
  const axes = axesOf(node, givenConstant(node, state, 1), rank) ?? Array.from({ length: rank }, (_, axis) => axis);
  return axes.toSorted((left, right) => left - right);
}
