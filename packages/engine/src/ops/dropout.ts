import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { elementsOf, type OpAttributes, type SampleShape } from "../model/model-graph.ts";
import { activationBytes, opFacts } from "./facts.ts";
import { misfit } from "./misfit.ts";
import type { OpDefinition } from "./op-definition.ts";

/**
 * Sets a share of the values to zero and scales the rest (inverted dropout). The mask comes from a counter-based
 * generator keyed by the step's seed and the operation, so a recompute and the gradient make the same one again instead
 * of keeping it.
 */
export const dropout: OpDefinition<"dropout"> = {
  outputShape(attributes, [input = []]) {
    if (!(attributes.rate >= 0 && attributes.rate < 1)) {
      throw misfit(`dropout has rate ${attributes.rate}; expected 0 up to, not including, 1`);
    }
    return input;
  },
  facts: ({ attributes, outputShape }) =>
    opFacts({
      flopsPerSample: elementsOf(outputShape),
      forwardWork: activationBytes(maskShape(attributes, outputShape)),
      inputWork: activationBytes(maskShape(attributes, outputShape)),
      overwrites: [0],
      overwritesGradient: true,
    }),
  emitForward({ emit, attributes, inputs, outputShape, training, seed, opIndex }) {
    const input = inputs[0]!;
    if (!training || attributes.rate === 0) return { output: emit.float32("Identity", input) };
    return {
      output: emit.float32(
        "Mul",
        input,
        mask(emit, maskShape(attributes, outputShape), attributes.rate, seed, opIndex),
      ),
    };
  },
  emitBackward({ emit, attributes, gradient, outputShape, seed, opIndex }) {
    if (attributes.rate === 0) return { inputs: [emit.float32("Identity", gradient)] };
    return {
      inputs: [
        emit.float32("Mul", gradient, mask(emit, maskShape(attributes, outputShape), attributes.rate, seed, opIndex)),
      ],
    };
  },
};

function maskShape({ whole }: OpAttributes["dropout"], shape: SampleShape): SampleShape {
  if (whole === undefined) return shape;
  const ones = shape.map(() => 1);
  return whole === "samples" ? ones : ones.with(-1, shape.at(-1)!);
}

/** 0 with probability `rate`, else `1 / (1 - rate)`. */
function mask(emit: GraphEmitter, shape: SampleShape, rate: number, seed: string, opIndex: number): string {
  const ownSeed = emit.node("AddV2", [seed, emit.ints([opIndex, 0])], { T: "int32" });
  const uniform = emit.node("StatelessRandomUniform", [emit.batchShape(shape), ownSeed], {
    dtype: "float",
    T: "int32",
    Tseed: "int32",
  });
  const keeps = emit.float32("GreaterEqual", uniform, emit.float(rate));
  const asFloat = emit.node("Cast", [keeps], { SrcT: "bool", DstT: "float" });
  return emit.float32("Mul", asFloat, emit.float(1 / (1 - rate)));
}
