import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom, deriveSeed } from "@mpo/datasets";
import { GraphBuilder } from "../model/graph-builder.ts";
import type { Model, ModelGraph } from "../model/model-graph.ts";
import { graphVariables, initialWeights } from "../model/variables.ts";
import { transformerBlock } from "../model/zoo/transformer-block.ts";

/** Runs a test with a folder of its own, which is removed afterwards, also when the test fails. */
export async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-model-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A graph with its kernels as at the start of training, and every other variable moved, so that none is neutral. */
export function randomModel(graph: ModelGraph, seed: number): Model {
  const weights = new Map(initialWeights(graph, seed));
  for (const { name, spec } of graphVariables(graph)) {
    if (spec.name.endsWith("kernel")) continue;
    const random = createRandom(deriveSeed(seed, name, "moved"));
    const base = spec.initializer === "ones" ? 1 : 0;
    weights.set(
      name,
      Float32Array.from(weights.get(name) ?? [], () => base + 0.5 * (random.uniform() - 0.5)),
    );
  }
  return { graph, weights };
}

/** A small graph with every kind of operation of a CNN, every activation, groups, and unequal extents. */
export function everythingGraph(): ModelGraph {
  const g = new GraphBuilder("everything", [10, 9, 4], "images");
  let x = g.conv2d(g.input, { filters: 8, kernelSize: [3, 2], strides: 2, groups: 2, useBias: true }, "grouped");
  x = g.batchNorm(x, { epsilon: 1e-3, momentum: 0.99 }, "norm");
  x = g.activation(x, "hardSwish", "hard_swish");
  x = g.conv2d(x, { filters: 12, kernelSize: 2, dilation: 2, padding: "valid" }, "dilated/conv");
  x = g.groupNorm(x, { groups: 4, epsilon: 1e-5 }, "groups");
  x = g.activation(x, "swish", "swish");
  const wide = g.depthwiseConv2d(x, { kernelSize: 3, depthMultiplier: 2, useBias: true }, "depthwise");
  const gate = g.activation(g.globalAvgPool(wide, "gate_pool", true), "hardSigmoid", "gate");
  x = g.multiply(g.activation(wide, "relu6", "relu6"), gate, "gated");
  x = g.concat([x, g.activation(g.append("batchNorm", [x], PLAIN_NORM, "plain"), "tanh", "tanh")], "concat");
  x = g.add(x, g.append("activation", [x], { function: "hardSigmoid", slope: 0.2 }, "stock"), "add");
  x = g.append("activation", [x], { function: "hardSigmoid", slope: 0.25 }, "steep");
  x = g.append("affine", [x], { scale: [0.5], offset: [0.1] }, "scaled");
  x = g.append("affine", [x], { scale: SCALES, offset: SCALES.toReversed() }, "scaled_channels");
  x = g.append("layerNorm", [x], { epsilon: 1e-3, scale: true, center: true }, "layers");
  x = g.append("activation", [x], { function: "leakyRelu", slope: 0.2 }, "leaky");
  x = g.append("prelu", [x], { sharedAxes: [0, 1] }, "prelu");
  x = g.activation(g.activation(g.activation(x, "elu", "elu"), "selu", "selu"), "gelu", "gelu");
  x = g.activation(g.activation(x, "softsign", "softsign"), "softplus", "softplus");
  x = g.append("activation", [x], { function: "clippedRelu", most: 1.5 }, "clipped");
  x = g.append(
    "dropout",
    [g.append("upsample", [x], { factors: [1, 2] }, "wider")],
    { rate: 0.2, whole: "channels" },
    "drop",
  );
  x = g.zeroPad(
    x,
    [
      [1, 0],
      [0, 2],
    ],
    "padded",
  );
  x = g.avgPool(g.maxPool(x, { poolSize: 2, strides: 1 }, "max"), { poolSize: [2, 1], padding: "valid" }, "avg");
  x = g.activation(g.flatten(x, "flat"), "hardSwish", "flat_swish");
  x = g.activation(g.dense(x, 6, "hidden", false), "sigmoid", "sigmoid");
  x = g.dropout(g.activation(x, "linear", "linear"), 0.3, "dropout");
  x = g.activation(g.activation(x, "hardSigmoid", "flat_sigmoid"), "relu", "relu");
  return g.build(g.activation(g.dense(x, 3, "logits"), "softmax", "softmax"));
}

/** The same for the operations of transformers, which stock TensorFlow.js does not have all of. */
export function tokensGraph(): ModelGraph {
  const g = new GraphBuilder("tokens", [8, 6, 3]);
  const patches = g.conv2d(
    g.input,
    { filters: 8, kernelSize: 2, strides: 2, padding: "valid", useBias: true },
    "patches",
  );
  const tokens = g.positions(g.classToken(g.reshape(patches, [12, 8], "tokens"), "class"), "positions");
  let x = transformerBlock(g, tokens, { heads: 2, expansion: 2, activation: "gelu", epsilon: 1e-6 }, "block");
  const keys = g.slice(x, { axis: 0, begin: 1, size: 12 }, "keys");
  x = g.add(x, g.layerScale(g.attention([x, keys, keys], 4, "across"), "scale"), "scaled");
  const swapped = g.rearrange(x, { split: [13, 2, 4], order: [1, 0, 2], shape: [2, 13, 4] }, "swapped");
  const weights = g.append(
    "activation",
    [g.dense(swapped, 4, "scores", false)],
    { function: "softmax", axis: 1 },
    "softmax",
  );
  const summed = g.reduce(g.multiply(swapped, weights, "weighted"), SUM_OF_TOKENS, "summed");
  const biased = g.add(summed, g.reduce(summed, { function: "mean", axes: [0], keepDims: false }, "mean"), "biased");
  const features = g.l2Normalise(g.flatten(biased, "features"), 1e-6, "length");
  return g.build(g.dense(features, 3, "logits", false));
}

const SUM_OF_TOKENS = { function: "sum", axes: [1], keepDims: false } as const;
const SCALES = Array.from({ length: 48 }, (_, channel) => 0.5 + channel / 48);
const PLAIN_NORM = { epsilon: 1e-3, momentum: 0.9, scale: false, center: false };
