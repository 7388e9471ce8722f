import type { ImportState } from "./import-state.ts";
import { type Atom, extentOf, isTangled, merged } from "./layout.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";
import { imageOf, type Placed, placed } from "./placing.ts";

/** An input of the file's shape `[batch, channels, height, width]` as `[height, width, channels]`. */
export function imageInput(state: ImportState, node: OnnxNode, index: number): Placed {
  const variable = state.variable(node, index);
  const image = imageOf(state, variable, node);
  const value = state.value(node, index);
  if (value.kind === "variable") state.set(node.inputs[index]!, image.variable);
  return image;
}

/**
 * The last axis of an input innermost, whatever lies before it; that is put into the file's order where some axis lies in
 * pieces. The node's shape ends in this axis.
 */
export function lastAxisInput(state: ImportState, node: OnnxNode, index: number): Placed {
  const variable = merged(state.settled(node, index));
  const last = variable.axes.at(-1) ?? [];
  if (last.includes(state.batch)) throw notSupported(node, "it mixes the samples of a batch");
  const isOther = (atom: Atom): boolean => !last.includes(atom) && atom !== state.batch;
  const before = isTangled(variable, state.batch)
    ? variable.axes.map((axis) => axis.filter(isOther)).filter((axis) => axis.length > 0)
    : variable.order.filter(isOther).map((atom) => [atom]);
  const isInPlace = [...before.flat(), ...last].every((atom, place) => atom === variable.order[place]);
  if (isInPlace && state.draft.shapeOf(variable.node).at(-1) === extentOf(last))
    return { node: variable.node, variable };
  const moved = placed(state, variable, [...before, last], node);
  state.set(node.inputs[index]!, moved.variable);
  return moved;
}
