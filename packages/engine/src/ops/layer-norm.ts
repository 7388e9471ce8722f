import { perSampleBytes } from "@mpo/core";
import { attr } from "../graph/graph-proto.ts";
import { elementsOf } from "../model/model-graph.ts";
import { scaleAndShift } from "./batch-norm.ts";
import { activationBytes, FLOAT_BYTES, opFacts } from "./facts.ts";
import type { BackwardEmission, OpDefinition } from "./op-definition.ts";

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
      overwritesGradient: true,
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
    const { emit, attributes, gradient, outputShape, variable } = emission;
    const [mean, deviation] = emission.savedStatistics() as readonly [string, string];
    const scaledInput = emit.float32("Mul", emission.savedInput(0), deviation);
    const normalised = emit.float32("Sub", scaledInput, emit.float32("Mul", mean, deviation));
    const allButLast = outputShape.map((_extent, axis) => axis);
    const products = emit.float32("Mul", gradient, normalised);
    const parameters = {
      ...(emission.wantsParameter("gamma") ? { gamma: emit.sum(products, allButLast, false) } : {}),
      ...(emission.wantsParameter("beta") ? { beta: emit.sum(gradient, allButLast, false) } : {}),
    };
    if (!emission.wantsInput(0)) return { parameters };
    // dx = deviation * (gamma dy - mean(gamma dy) - xhat mean(gamma dy xhat)), written over dy when all else has read it.
    const meanGradient = weightedMean(emission, gradient);
    const along = weightedMean(emission, products);
    const readers = [meanGradient, products, ...Object.values(parameters)].map((node) => `^${node}`);
    const weighted = attributes.scale ? emit.float32("Mul", gradient, variable("gamma"), ...readers) : gradient;
    const centred = emit.float32("Sub", weighted, meanGradient);
    const difference = emit.float32("Sub", centred, emit.float32("Mul", normalised, along));
    return { parameters, inputs: [emit.float32("Mul", difference, deviation)] };
  },
};

/** Mean over the last axis of the values times gamma, `[..., 1]`; as a product with a vector it takes no work space. */
function weightedMean(
  { emit, attributes, outputShape, variable }: BackwardEmission<"layerNorm">,
  values: string,
): string {
  if (!attributes.scale) return emit.mean(values, [-1], true);
  const width = outputShape.at(-1)!;
  const shares = emit.reshape(emit.float32("Mul", variable("gamma"), emit.float(1 / width)), [width, 1]);
  const transposes = { transpose_a: attr.bool(false), transpose_b: attr.bool(false) };
  const rows = emit.reshape(values, [-1, width]);
  const means = emit.node("MatMul", [rows, shares], { T: "float", ...transposes });
  return emit.reshape(means, [-1, ...outputShape.with(-1, 1)]);
}
