import { perSampleBytes } from "@mpo/core";
import { elementsOf, type OpAttributes, type SampleShape } from "../model/model-graph.ts";
import { activationBytes, NEEDS_INPUT, opFacts } from "./facts.ts";
import type { OpDefinition } from "./op-definition.ts";

/** A ReLU whose slope below zero is trained (He et al. 2015). */
export const prelu: OpDefinition<"prelu"> = {
  layerClass: "featureExtraction",
  outputShape: (_attributes, [input = []]) => input,
  variables: (attributes, [input = []]) => [
    { name: "alpha", shape: alphaShape(attributes, input), initializer: "zeros", trainable: true },
  ],
  facts: ({ outputShape }) => {
    const size = activationBytes(outputShape);
    return opFacts({
      forwardWork: size,
      flopsPerSample: 4 * elementsOf(outputShape),
      inputNeeds: NEEDS_INPUT,
      parameterNeeds: NEEDS_INPUT,
      inputWork: perSampleBytes(elementsOf(outputShape)),
      parameterWork: size,
    });
  },
  emitForward({ emit, inputs, variable }) {
    const below = emit.float32("Mul", emit.float32("Minimum", inputs[0]!, emit.float(0)), variable("alpha"));
    return { output: emit.float32("AddV2", emit.float32("Relu", inputs[0]!), below) };
  },
  emitBackward(emission) {
    const { emit, attributes, gradient, outputShape } = emission;
    const x = emission.savedInput(0);
    const parameters: Record<string, string> = {};
    if (emission.wantsParameter("alpha")) {
      const products = emit.float32("Mul", gradient, emit.float32("Minimum", x, emit.float(0)));
      const axes = [0, ...attributes.sharedAxes.map((axis) => axis + 1)];
      parameters["alpha"] = emit.reshape(emit.sum(products, axes, false), alphaShape(attributes, outputShape));
    }
    if (!emission.wantsInput(0)) return { parameters };
    const isPositive = emit.float32("Greater", x, emit.float(0));
    const below = emit.float32("Mul", gradient, emission.variable("alpha"));
    return { parameters, inputs: [emit.float32("SelectV2", isPositive, gradient, below)] };
  },
};

function alphaShape({ sharedAxes }: OpAttributes["prelu"], input: SampleShape): SampleShape {
  return input.map((extent, axis) => (sharedAxes.includes(axis) ? 1 : extent));
}
