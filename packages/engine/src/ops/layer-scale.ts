import { elementsOf } from "../model/model-graph.ts";
import { activationBytes, NEEDS_INPUT, opFacts } from "./facts.ts";
import type { OpDefinition } from "./op-definition.ts";

/** A trained factor for each channel (ConvNeXt, CaiT). Input `[..., channels]`. */
export const layerScale: OpDefinition<"layerScale"> = {
  layerClass: "featureExtraction",
  outputShape: (_attributes, [input = []]) => input,
  variables: (_attributes, [input = []]) => [
    { name: "gamma", shape: input.slice(-1), initializer: "ones", trainable: true },
  ],
  facts: ({ outputShape }) =>
    opFacts({
      overwrites: [0],
      overwritesGradient: true,
      flopsPerSample: elementsOf(outputShape),
      parameterNeeds: NEEDS_INPUT,
      parameterWork: activationBytes(outputShape),
    }),
  emitForward: ({ emit, inputs, variable }) => ({ output: emit.float32("Mul", inputs[0]!, variable("gamma")) }),
  emitBackward({ emit, gradient, outputShape, savedInput, variable, wantsInput, wantsParameter }) {
    const allButLast = outputShape.map((_extent, axis) => axis);
    const own = (): string => emit.sum(emit.float32("Mul", gradient, savedInput(0)), allButLast, false);
    return {
      parameters: wantsParameter("gamma") ? { gamma: own() } : {},
      inputs: wantsInput(0) ? [emit.float32("Mul", gradient, variable("gamma"))] : [],
    };
  },
};
