import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { elementsOf, type SampleShape } from "../model/model-graph.ts";
import { opFacts } from "./facts.ts";
import { misfit } from "./misfit.ts";
import type { OpDefinition } from "./op-definition.ts";

/** Sum or mean over axes of the sample. */
export const reduce: OpDefinition<"reduce"> = {
  outputShape({ axes, keepDims }, [input = []]) {
    const isAxis = (axis: number): boolean => Number.isInteger(axis) && axis >= 0 && axis < input.length;
    if (axes.length === 0 || new Set(axes).size < axes.length || !axes.every(isAxis)) {
      throw misfit(`reduce has axes [${axes}] for a sample of shape [${input}]; expected some of its axes, each once`);
    }
    return keepDims ? reducedShape(input, axes) : input.filter((_extent, axis) => !axes.includes(axis));
  },
  facts: ({ inputShapes }) => opFacts({ flopsPerSample: elementsOf(inputShapes[0]!) }),
  emitForward({ emit, attributes, inputs }) {
    const axes = attributes.axes.map((axis) => axis + 1);
    const reduced = attributes.function === "mean" ? emit.mean : emit.sum;
    return { output: reduced.call(emit, inputs[0]!, axes, attributes.keepDims) };
  },
  emitBackward({ emit, attributes, gradient, inputShapes }) {
    const [shape = []] = inputShapes;
    const count = elementsOf(attributes.axes.map((axis) => shape[axis]!));
    const scaled = attributes.function === "mean" ? emit.float32("Mul", gradient, emit.float(1 / count)) : gradient;
    return { inputs: [spread(emit, scaled, shape, attributes.axes)] };
  },
};

/** Repeats values along the axes that a reduction has taken: the gradient of a sum. */
export function spread(emit: GraphEmitter, tensor: string, shape: SampleShape, axes: readonly number[]): string {
  const inPlace = emit.reshape(tensor, [-1, ...reducedShape(shape, axes)]);
  return emit.node("BroadcastTo", [inPlace, emit.batchShape(shape)], { T: "float", Tidx: "int32" });
}

function reducedShape(shape: SampleShape, axes: readonly number[]): SampleShape {
  return shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
}
