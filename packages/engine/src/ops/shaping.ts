import { elementsOf, type OpAttributes } from "../model/model-graph.ts";
import { opFacts } from "./facts.ts";
import { misfit } from "./misfit.ts";
import type { OpDefinition } from "./op-definition.ts";
import { imageShape } from "./window.ts";

/** Where the images enter. */
export const input: OpDefinition<"input"> = {
  inputCounts: [0, 0],
  outputShape: (attributes) => attributes.shape,
  facts: () => opFacts({}),
  emitForward: ({ inputs }) => ({ output: inputs[0]! }),
  emitBackward: () => ({}),
};

/** The same numbers in another sample shape (flatten, too). */
export const reshape: OpDefinition<"reshape"> = {
  outputShape(attributes, [from = []]) {
    if (elementsOf(from) !== elementsOf(attributes.shape)) {
      throw misfit(`reshape from [${from}] to [${attributes.shape}] changes the element count`);
    }
    return attributes.shape;
  },
  facts: () => opFacts({ isAlias: true }),
  emitForward: ({ emit, inputs, outputShape }) => ({ output: emit.reshape(inputs[0]!, [-1, ...outputShape]) }),
  emitBackward: ({ emit, gradient, inputShapes }) => ({
    inputs: [emit.reshape(gradient, [-1, ...inputShapes[0]!])],
  }),
};

/** Zeros around the image. */
export const zeroPad: OpDefinition<"zeroPad"> = {
  outputShape(attributes, [from]) {
    const [height, width, channels] = imageShape("zeroPad", from);
    const [[top, bottom], [left, right]] = attributes.padding;
    return [height + top + bottom, width + left + right, channels];
  },
  facts: () => opFacts({}),
  emitForward({ emit, attributes, inputs }) {
    return {
      output: emit.node("Pad", [inputs[0]!, emit.intMatrix(paddings(attributes))], { T: "float", Tpaddings: "int32" }),
    };
  },
  emitBackward({ emit, attributes, gradient, inputShapes }) {
    const [[top], [left]] = attributes.padding;
    const sizes = emit.ints([-1, ...inputShapes[0]!]);
    return {
      inputs: [emit.node("Slice", [gradient, emit.ints([0, top, left, 0]), sizes], { T: "float", Index: "int32" })],
    };
  },
};

function paddings({ padding }: OpAttributes["zeroPad"]): readonly (readonly [number, number])[] {
  return [[0, 0], ...padding, [0, 0]];
}

/** Each pixel becomes several: nearest-neighbour enlargement by whole factors. */
export const upsample: OpDefinition<"upsample"> = {
  outputShape({ factors }, [from]) {
    const [height, width, channels] = imageShape("upsample", from);
    return [height * factors[0], width * factors[1], channels];
  },
  facts: ({ outputShape }) => opFacts({ flopsPerSample: elementsOf(outputShape) }),
  emitForward: ({ emit, inputs, outputShape }) => ({
    output: emit.node("ResizeNearestNeighbor", [inputs[0]!, emit.ints(outputShape.slice(0, 2))], { T: "float" }),
  }),
  emitBackward: ({ emit, gradient, inputShapes }) => ({
    inputs: [
      emit.node("ResizeNearestNeighborGrad", [gradient, emit.ints(inputShapes[0]!.slice(0, 2))], { T: "float" }),
    ],
  }),
};
