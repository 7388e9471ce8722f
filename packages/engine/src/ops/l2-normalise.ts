import { perSampleBytes } from "@mpo/core";
import { elementsOf } from "../model/model-graph.ts";
import { activationBytes, FLOAT_BYTES, opFacts } from "./facts.ts";
import type { OpDefinition } from "./op-definition.ts";

/** Vectors of length 1 in the last axis (the heads of CLIP): `x / sqrt(sum(x^2) + epsilon)`. */
export const l2Normalise: OpDefinition<"l2Normalise"> = {
  outputShape: (_attributes, [input = []]) => input,
  facts: ({ outputShape }) =>
    opFacts({
      statisticsBytes: perSampleBytes(elementsOf(outputShape.slice(0, -1)) * FLOAT_BYTES),
      earlyForwardWork: activationBytes(outputShape),
      overwrites: [0],
      flopsPerSample: 3 * elementsOf(outputShape),
      inputNeeds: { inputs: [], output: true, statistics: true },
      inputWork: activationBytes(outputShape),
    }),
  emitForward({ emit, attributes, inputs }) {
    const squares = emit.sum(emit.float32("Square", inputs[0]!), [-1], true);
    const inverse = emit.float32("Rsqrt", emit.float32("AddV2", squares, emit.float(attributes.epsilon)));
    return { output: emit.float32("Mul", inputs[0]!, inverse), statistics: [inverse] };
  },
  emitBackward({ emit, gradient, savedOutput, savedStatistics }) {
    const y = savedOutput();
    const [inverse = ""] = savedStatistics();
    // dx = (dy - y sum(y dy)) / length.
    const along = emit.sum(emit.float32("Mul", gradient, y), [-1], true);
    const across = emit.float32("Sub", gradient, emit.float32("Mul", y, along));
    return { inputs: [emit.float32("Mul", across, inverse)] };
  },
};
