import { elementsOf } from "../model/model-graph.ts";
import { opFacts } from "./facts.ts";
import { misfit } from "./misfit.ts";
import type { OpDefinition } from "./op-definition.ts";

/** `x * scale + offset` with fixed numbers. */
export const affine: OpDefinition<"affine"> = {
  outputShape({ scale, offset }, [input = []]) {
    for (const { length } of [scale, offset]) {
      if (length !== 1 && length !== input.at(-1)) {
        throw misfit(
          `affine has ${length} numbers for an input of shape [${input}]; expected 1 or one for each channel`,
        );
      }
    }
    return input;
  },
  facts: ({ outputShape }) =>
    opFacts({ overwrites: [0], overwritesGradient: true, flopsPerSample: 2 * elementsOf(outputShape) }),
  emitForward: ({ emit, attributes, inputs }) => ({
    output: emit.float32(
      "AddV2",
      emit.float32("Mul", inputs[0]!, emit.floats(attributes.scale)),
      emit.floats(attributes.offset),
    ),
  }),
  emitBackward: ({ emit, attributes, gradient }) => ({
    inputs: [emit.float32("Mul", gradient, emit.floats(attributes.scale))],
  }),
};
