import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { elementsOf, type OpAttributes, type SampleShape } from "../model/model-graph.ts";
import { opFacts } from "./facts.ts";
import { misfit } from "./misfit.ts";
import type { OpDefinition } from "./op-definition.ts";

/** Reshape, transposition of the sample's axes, reshape: patches, depth to space. */
export const rearrange: OpDefinition<"rearrange"> = {
  outputShape({ split, order, shape }, [input = []]) {
    const counts = [input, split, shape].map(elementsOf);
    if (counts.some((count) => count !== counts[0])) {
      throw misfit(`rearrange from [${input}] by [${split}] to [${shape}] changes the element count`);
    }
    if (order.toSorted((left, right) => left - right).join() !== [...split.keys()].join()) {
      throw misfit(`rearrange has the order [${order}] for [${split}]; expected each of its axes once`);
    }
    return shape;
  },
  facts: ({ attributes: { order } }) => opFacts({ isAlias: order.every((axis, place) => axis === place) }),
  emitForward: ({ emit, attributes: { split, order, shape }, inputs }) => ({
    output: moved(emit, inputs[0]!, { split, order, shape }),
  }),
  emitBackward({ emit, attributes: { split, order }, gradient, inputShapes }) {
    const inverse = order.map((_axis, place) => order.indexOf(place));
    const back = { split: order.map((axis) => split[axis]!), order: inverse, shape: inputShapes[0]! };
    return { inputs: [moved(emit, gradient, back)] };
  },
};

function moved(emit: GraphEmitter, tensor: string, { split, order, shape }: OpAttributes["rearrange"]): string {
  const axes = emit.ints([0, ...order.map((axis) => axis + 1)]);
  const apart = emit.reshape(tensor, [-1, ...split]);
  return emit.reshape(emit.node("Transpose", [apart, axes], { T: "float", Tperm: "int32" }), [-1, ...shape]);
}

/** A part of one axis of the sample. */
export const slice: OpDefinition<"slice"> = {
  outputShape({ axis, begin, size }, [input = []]) {
    const extent = input[axis];
    if (extent === undefined || !Number.isInteger(begin) || begin < 0 || begin + size > extent) {
      throw misfit(`slice of ${size} from ${begin} on does not fit axis ${axis} of a sample of shape [${input}]`);
    }
    return input.with(axis, size);
  },
  facts: ({ inputShapes, outputShape }) => opFacts({ isAlias: inputShapes[0]!.join() === outputShape.join() }),
  emitForward({ emit, attributes: { axis, begin }, inputs, outputShape }) {
    const begins = [0, ...outputShape.map((_extent, at) => (at === axis ? begin : 0))];
    const sizes = emit.ints([-1, ...outputShape]);
    return { output: emit.node("Slice", [inputs[0]!, emit.ints(begins), sizes], { T: "float", Index: "int32" }) };
  },
  emitBackward({ emit, attributes, gradient, inputShapes }) {
    const paddings = [[0, 0], ...paddingsOf(attributes, inputShapes[0]!)];
    return { inputs: [emit.node("Pad", [gradient, emit.intMatrix(paddings)], { T: "float", Tpaddings: "int32" })] };
  },
};

function paddingsOf({ axis, begin, size }: OpAttributes["slice"], shape: SampleShape): readonly (readonly number[])[] {
  return shape.map((extent, at) => (at === axis ? [begin, extent - begin - size] : [0, 0]));
}
