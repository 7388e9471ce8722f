import type { SampleShape } from "../model-graph.ts";
import type { Draft } from "./draft.ts";
import { type Atom, extentOf, shapeOf, type Variable, withCut, withFactor } from "./layout.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";
import type { Padded } from "./values.ts";

/** What moves numbers knows: the graph so far, and which factor is the batch. */
export interface Ground {
  readonly draft: Draft;
  readonly batch: Atom;
}

/** A variable as a node of the draft whose sample shape is as wanted. */
export interface Placed {
  readonly node: string;
  readonly variable: Variable;
}

/** A node's numbers in a sample shape. */
export function inShape(state: Ground, node: string, shape: SampleShape): string {
  if (state.draft.shapeOf(node).join() === shape.join()) return node;
  return state.draft.put("reshape", [node], { shape }, `${node}_as_${shape.join("x")}`);
}

/** The variable with its cut and its factor calculated. */
export function settled(state: Ground, variable: Variable): Variable {
  const part = cutOut(state, variable);
  const { factor } = part;
  if (factor === undefined) return part;
  const scaled = state.draft.put("affine", [part.node], { scale: [factor], offset: [0] }, `${part.node}_scaled`);
  return { ...withFactor(part, 1), node: scaled };
}

function cutOut(state: Ground, variable: Variable): Variable {
  const { cut, order } = variable;
  if (cut === undefined) return variable;
  const before = extentOf(order.slice(0, cut.at));
  const after = extentOf(order.slice(cut.at + cut.count));
  const size = extentOf(order.slice(cut.at, cut.at + cut.count));
  const shape = [before, cut.whole, after].filter((extent, place) => place === 1 || extent > 1);
  const whole = inShape(state, variable.node, shape);
  const attributes = { axis: before > 1 ? 1 : 0, begin: cut.begin, size };
  return { ...withCut(variable, undefined), node: state.draft.put("slice", [whole], attributes, `${whole}_part`) };
}

/** The variable with its sample's axes in this order, each of them made of these factors. */
export function placed(state: Ground, variable: Variable, axes: readonly (readonly Atom[])[], node: OnnxNode): Placed {
  const ready = settled(state, variable);
  const wanted = axes.flat();
  const shape = axes.map(extentOf);
  if (wanted.length === ready.order.length && wanted.every((atom, place) => atom === ready.order[place])) {
    return { node: inShape(state, ready.node, shape), variable: ready };
  }
  if (wanted.length !== ready.order.length) throw notSupported(node, "it mixes the samples of a batch");
  const runs = runsOf(ready.order, wanted);
  const order = runs.toSorted((left, right) => wanted.indexOf(left[0]!) - wanted.indexOf(right[0]!));
  const attributes = { split: runs.map(extentOf), order: order.map((run) => runs.indexOf(run)), shape };
  const moved = state.draft.put("rearrange", [ready.node], attributes, `${ready.node}_rearranged`);
  return { node: moved, variable: { ...ready, node: moved, order: wanted } };
}

/** Factors that are neighbours in both orders, together. */
function runsOf(order: readonly Atom[], wanted: readonly Atom[]): readonly (readonly Atom[])[] {
  const runs: Atom[][] = [];
  for (const atom of order) {
    const last = runs.at(-1)?.at(-1);
    if (last !== undefined && wanted[wanted.indexOf(last) + 1] === atom) runs.at(-1)!.push(atom);
    else runs.push([atom]);
  }
  return runs;
}

/** The axes of a variable without the batch. Throws `unsupported` unless that is the first axis by itself, or is folded. */
export function sampleAxes(state: Ground, variable: Variable, node: OnnxNode): readonly (readonly Atom[])[] {
  const [first = [], ...rest] = variable.axes;
  const isBatchFirst = first.every((atom) => atom === state.batch);
  if (isBatchFirst && !rest.flat().includes(state.batch)) return rest;
  throw notSupported(node, `its input has the shape [${shapeOf(variable)}] with the batch not in the first axis`);
}

/** A variable of the file's shape `[batch, channels, height, width]` as `[height, width, channels]`. */
export function imageOf(state: Ground, variable: Variable, node: OnnxNode): Placed {
  const axes = sampleAxes(state, variable, node);
  if (axes.length !== 3) {
    throw notSupported(
      node,
      `its input has the shape [${shapeOf(variable)}]; expected [batch, channels, height, width]`,
    );
  }
  const [channels = [], height = [], width = []] = axes;
  return placed(state, variable, [height, width, channels], node);
}

/** A variable from an image that the engine calculates, `[height, width, channels]`, with the file's axes. */
export function imageResult(state: Ground, node: string): Variable {
  const [height, width, channels] = state.draft.shapeOf(node).map(atomsOf) as [Atom[], Atom[], Atom[]];
  return {
    kind: "variable",
    node,
    order: [...height, ...width, ...channels],
    axes: [batchAxis(state), channels, height, width],
  };
}

export function atomsOf(extent: number): readonly Atom[] {
  return extent === 1 ? [] : [{ extent }];
}

export function batchAxis({ batch }: Ground): readonly Atom[] {
  return batch.extent === 1 ? [] : [batch];
}

/** Pixels put around an image, where its reader cannot do that itself. */
export function padded(state: Ground, { base, edges, value }: Padded, node: OnnxNode): Variable {
  if (value !== 0) throw notSupported(node, `its input is padded with ${value}; expected 0`);
  const image = imageOf(state, base, node);
  return imageResult(state, state.draft.put("zeroPad", [image.node], { padding: edges }, `${image.node}_padded`));
}
