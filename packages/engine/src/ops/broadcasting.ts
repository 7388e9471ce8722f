import type { GraphEmitter } from "../graph/graph-emitter.ts";
import type { SampleShape } from "../model/model-graph.ts";
import { misfit } from "./misfit.ts";

/** Shape of two samples together, by NumPy's rules: axes are aligned at the end, and one of extent 1 is repeated. */
export function broadcastShape(op: string, left: SampleShape, right: SampleShape): SampleShape {
  const rank = Math.max(left.length, right.length);
  const others = padded(right, rank);
  return padded(left, rank).map((extent, axis) => {
    const other = others[axis]!;
    if (extent !== other && extent !== 1 && other !== 1) {
      throw misfit(
        `${op} has inputs of shapes [${left}] and [${right}]; expected the same extents, or 1, aligned at the end`,
      );
    }
    return Math.max(extent, other);
  });
}

export function isSameShape(left: SampleShape, right: SampleShape): boolean {
  return left.join() === right.join();
}

/** A tensor of a sample's shape with as many axes as another sample has. */
export function aligned(emit: GraphEmitter, tensor: string, shape: SampleShape, { length: rank }: SampleShape): string {
  return shape.length === rank ? tensor : emit.reshape(tensor, [-1, ...padded(shape, rank)]);
}

/** The gradient of an input of this shape from one of the whole: sums over what was repeated. */
export function summedBack(emit: GraphEmitter, gradient: string, shape: SampleShape, whole: SampleShape): string {
  if (isSameShape(shape, whole)) return gradient;
  const extents = padded(shape, whole.length);
  const axes = [...whole.keys()].filter((axis) => extents[axis] !== whole[axis]).map((axis) => axis + 1);
  const summed = axes.length === 0 ? gradient : emit.sum(gradient, axes, true);
  return shape.length === whole.length ? summed : emit.reshape(summed, [-1, ...shape]);
}

function padded(shape: SampleShape, rank: number): SampleShape {
  return [...new Array<number>(rank - shape.length).fill(1), ...shape];
}
