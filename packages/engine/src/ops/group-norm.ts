import { addBytes, fixedBytes, perSampleBytes } from "@mpo/core";
import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { elementsOf, type SampleShape } from "../model/model-graph.ts";
import { scaleAndShift } from "./batch-norm.ts";
import { activationBytes, FLOAT_BYTES, opFacts } from "./facts.ts";
import { misfit } from "./misfit.ts";
import type { OpDefinition } from "./op-definition.ts";
import { imageShape } from "./window.ts";

/**
 * Group normalisation (Wu and He 2018): each sample's channels are normalised in groups, so a micro-batch of any size
 * gives the same result. TensorFlow has no kernel for it; written as `y = x * a + c` with `a`, `c` of shape
 * `[batch, 1, channels]`, and its gradient in closed form, so that no other tensor of the input's size is kept.
 * Input `[h, w, c]`.
 */
export const groupNorm: OpDefinition<"groupNorm"> = {
  layerClass: "normalisation",

  outputShape(attributes, [input]) {
    const shape = imageShape("groupNorm", input);
    if (shape[2] % attributes.groups !== 0) {
      throw misfit(`groupNorm: ${attributes.groups} groups do not divide ${shape[2]} channels`);
    }
    return shape;
  },

  variables(attributes, [input]) {
    return scaleAndShift(attributes, imageShape("groupNorm", input).slice(-1));
  },

  facts({ attributes, outputShape }) {
    const channels = outputShape[2]!;
    const needs = { inputs: [0], output: false, statistics: true };
    const perChannel = perSampleBytes(channels * FLOAT_BYTES);
    return opFacts({
      statisticsBytes: perSampleBytes(2 * attributes.groups * FLOAT_BYTES),
      earlyForwardWork: activationBytes(outputShape),
      overwrites: [0],
      forwardWork: addBytes(perChannel, addBytes(perChannel, fixedBytes(4 * channels))),
      inputWork: activationBytes(outputShape),
      parameterWork: perChannel,
      flopsPerSample: 8 * elementsOf(outputShape),
      isJoint: true,
      inputNeeds: needs,
      parameterNeeds: needs,
      overwritesGradient: true,
    });
  },

  emitForward({ emit, attributes, inputs, variable, outputShape }) {
    const { channels, pixels, groups, perGroup } = extents(outputShape, attributes.groups);
    const count = pixels * perGroup;
    const x = emit.reshape(inputs[0]!, [-1, pixels, channels]);
    const groupMean = (channelSums: string): string =>
      emit.float32("Mul", groupSum(emit, channelSums, groups, perGroup), emit.float(1 / count));
    const mean = groupMean(emit.sum(x, [1], false));
    const meanOfSquares = groupMean(emit.sum(emit.float32("Square", x), [1], false));
    const variance = emit.float32("Sub", meanOfSquares, emit.float32("Square", mean));
    const positive = emit.float32("Maximum", variance, emit.float(0));
    const deviation = emit.float32("Rsqrt", emit.float32("AddV2", positive, emit.float(attributes.epsilon)));

    const spread = (tensor: string): string => spreadOverChannels(emit, tensor, groups, perGroup);
    const gamma = attributes.scale ? variable("gamma") : emit.float(1);
    const scale = emit.float32("Mul", spread(deviation), gamma);
    const meanScaled = emit.float32("Mul", spread(mean), scale);
    const shift = attributes.center
      ? emit.float32("Sub", variable("beta"), meanScaled)
      : emit.float32("Neg", meanScaled);
    const scaled = emit.float32("Mul", x, emit.reshape(scale, [-1, 1, channels]));
    const shifted = emit.float32("AddV2", scaled, emit.reshape(shift, [-1, 1, channels]));
    return { output: emit.reshape(shifted, [-1, ...outputShape]), statistics: [mean, deviation] };
  },

  emitBackward(emission) {
    const { emit, attributes, outputShape } = emission;
    const { channels, pixels, groups, perGroup } = extents(outputShape, attributes.groups);
    const [mean, deviation] = emission.savedStatistics() as readonly [string, string];
    const x = emit.reshape(emission.savedInput(0), [-1, pixels, channels]);
    const gradient = emit.reshape(emission.gradient, [-1, pixels, channels]);
    const spread = (tensor: string): string => spreadOverChannels(emit, tensor, groups, perGroup);

    // Per sample and channel: sums of the gradient, and of the gradient times the normalised input.
    const gradientSum = emit.sum(gradient, [1], false);
    const productSum = emit.sum(emit.float32("Mul", gradient, x), [1], false);
    const centred = emit.float32("Sub", productSum, emit.float32("Mul", spread(mean), gradientSum));
    const normalisedSum = emit.float32("Mul", centred, spread(deviation));
    const parameters = {
      ...(emission.wantsParameter("gamma") ? { gamma: emit.sum(normalisedSum, [0], false) } : {}),
      ...(emission.wantsParameter("beta") ? { beta: emit.sum(gradientSum, [0], false) } : {}),
    };
    if (!emission.wantsInput(0)) return { parameters };

    // dx = deviation * (gamma dy - mean_group(gamma dy) - xhat mean_group(gamma dy xhat)), as  dy * p + x * q + r.
    const gamma = attributes.scale ? emission.variable("gamma") : emit.float(1);
    const inverseCount = emit.float(1 / (pixels * perGroup));
    const groupMean = (channelSums: string): string =>
      emit.float32("Mul", groupSum(emit, emit.float32("Mul", channelSums, gamma), groups, perGroup), inverseCount);
    const gradientMean = groupMean(gradientSum);
    const normalisedMean = groupMean(normalisedSum);
    const slope = emit.float32("Neg", emit.float32("Mul", emit.float32("Square", deviation), normalisedMean));
    const offset = emit.float32(
      "Neg",
      emit.float32("AddV2", emit.float32("Mul", deviation, gradientMean), emit.float32("Mul", slope, mean)),
    );
    const perChannel = (tensor: string): string => emit.reshape(tensor, [-1, 1, channels]);
    const gradientFactor = perChannel(emit.float32("Mul", spread(deviation), gamma));
    const fromInput = emit.float32("Mul", x, perChannel(spread(slope)));
    const fromGradient = emit.float32("Mul", gradient, gradientFactor);
    const sum = emit.float32("AddV2", fromGradient, fromInput);
    const shifted = emit.float32("AddV2", sum, perChannel(spread(offset)));
    return { parameters, inputs: [emit.reshape(shifted, [-1, ...outputShape])] };
  },
};

interface Extents {
  readonly channels: number;
  readonly pixels: number;
  readonly groups: number;
  readonly perGroup: number;
}

function extents(shape: SampleShape, groups: number): Extents {
  const [height = 1, width = 1, channels = 1] = shape;
  return { channels, pixels: height * width, groups, perGroup: channels / groups };
}

/** `[batch, channels]` to `[batch, groups]`. */
function groupSum(emit: GraphEmitter, channelSums: string, groups: number, perGroup: number): string {
  return emit.sum(emit.reshape(channelSums, [-1, groups, perGroup]), [2], false);
}

/** `[batch, groups]` to `[batch, channels]`: each group's value at each of its channels. */
function spreadOverChannels(emit: GraphEmitter, tensor: string, groups: number, perGroup: number): string {
  const column = emit.reshape(tensor, [-1, groups, 1]);
  const tiled = emit.node("Tile", [column, emit.ints([1, 1, perGroup])], { T: "float", Tmultiples: "int32" });
  return emit.reshape(tiled, [-1, groups * perGroup]);
}
