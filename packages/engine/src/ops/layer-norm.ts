import { perSampleBytes } from "@mpo/core";
import { elementsOf } from "../model/model-graph.ts";
import { scaleAndShift } from "./batch-norm.ts";
import { activationBytes, FLOAT_BYTES, opFacts } from "./facts.ts";
import type { OpDefinition } from "./op-definition.ts";

/**
 * Layer normalisation over the last axis (Ba et al. 2016): of the features, or of the channels of each pixel. Written as
 * `x * deviation - mean * deviation`, with its gradient in closed form.
 */
export const layerNorm: OpDefinition<"layerNorm"> = {
  layerClass: "normalisation",
  outputShape: (_attributes, [input = []]) => input,
  variables: (attributes, [input = []]) => scaleAndShift(attributes, input.slice(-1)),

  facts({ outputShape }) {
    const needs = { inputs: [0], output: false, statistics: true };
    const { perSample } = activationBytes(outputShape);
    return opFacts({
      statisticsBytes: perSampleBytes(2 * elementsOf(outputShape.slice(0, -1)) * FLOAT_BYTES),
      earlyForwardWork: perSampleBytes(perSample),
      overwrites: [0],
      inputWork: perSampleBytes(perSample),
      parameterWork: perSampleBytes(perSample),
      flopsPerSample: 8 * elementsOf(outputShape),
      isJoint: true,
      inputNeeds: needs,
      parameterNeeds: needs,
    });
  },

  emitForward({ emit, attributes, inputs, variable }) {
    const x = inputs[0]!;
    const mean = emit.mean(x, [-1], true);
    const variance = emit.mean(emit.float32("SquaredDifference", x, mean), [-1], true);
    const deviation = emit.float32("Rsqrt", emit.float32("AddV2", variance, emit.float(attributes.epsilon)));
    const scaled = emit.float32("Mul", x, deviation);
    let output = emit.float32("Sub", scaled, emit.float32("Mul", mean, deviation));
    if (attributes.scale) output = emit.float32("Mul", output, variable("gamma"));
    if (attributes.center) output = emit.float32("AddV2", output, variable("beta"));
    return { output, statistics: [mean, deviation] };
  },

  emitBackward(emission) {
    const { emit, attributes, gradient, outputShape } = emission;
    const [mean, deviation] = emission.savedStatistics() as readonly [string, string];
    const scaledInput = emit.float32("Mul", emission.savedInput(0), deviation);
    const normalised = emit.float32("Sub", scaledInput, emit.float32("Mul", mean, deviation));
    const allButLast = outputShape.map((_extent, axis) => axis);
    const parameters = {
      ...(emission.wantsParameter("gamma")
        ? { gamma: emit.sum(emit.float32("Mul", gradient, normalised), allButLast, false) }
        : {}),
      ...(emission.wantsParameter("beta") ? { beta: emit.sum(gradient, allButLast, false) } : {}),
    };
    if (!emission.wantsInput(0)) return { parameters };
    // dx = deviation * (gamma dy - mean(gamma dy) - xhat mean(gamma dy xhat)).
    const weighted = attributes.scale ? emit.float32("Mul", gradient, emission.variable("gamma")) : gradient;
    const product = emit.mean(emit.float32("Mul", weighted, normalised), [-1], true);
    const centred = emit.float32("Sub", weighted, emit.mean(weighted, [-1], true));
    const difference = emit.float32("Sub", centred, emit.float32("Mul", normalised, product));
    return { parameters, inputs: [emit.float32("Mul", difference, deviation)] };
  },
};
