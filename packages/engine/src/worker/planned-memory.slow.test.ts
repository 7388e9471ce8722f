import assert from "node:assert/strict";
import { test } from "node:test";
import { planStep, type RetrainConfig, residentGrowth, resolveRetrainConfig } from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import { stepMemoryFacts } from "../compiler/memory-facts.ts";
import type { Optimizer } from "../losses/optimizer.ts";
import { GraphBuilder } from "../model/graph-builder.ts";
import type { ModelGraph } from "../model/model-graph.ts";
import { initialWeights } from "../model/variables.ts";
import { buildModel, type ModelName } from "../model/zoo/build-model.ts";
import { testSamples } from "../test-support/engine-run.ts";
import { runOfSteps } from "../test-support/small-training.ts";
import { EngineWorker } from "./engine-worker.ts";

const CLASSES = 10;
const MOST_ERROR = 0.1;
const SGD: Optimizer = { kind: "sgd" };

interface Growth {
  readonly plannedBytes: number;
  readonly measuredBytes: number;
}

/** Trains two steps in a worker of its own: the allocator's pool never shrinks, so nothing may have been there before. */
async function growthOf(graph: ModelGraph, config: Partial<RetrainConfig>, optimizer: Optimizer): Promise<Growth> {
  const resolved = resolveRetrainConfig(config);
  const worker = await EngineWorker.start({ environment: process.env });
  try {
    // As windows do: small micro-batches are normalised by moving statistics.
    const training = { config: resolved, loss: "crossEntropy", optimizer, replacesStatistics: true } as const;
    const { plannedBytes } = await worker.load({ graph, weights: initialWeights(graph, 1), training });
    const samples = testSamples(graph, resolved.microBatch * resolved.accumulation, CLASSES);
    await worker.setSamples("s", samples);
    const { peakBytes } = await worker.call("train", { samples: "s", run: runOfSteps(2) });
    return { plannedBytes: plannedBytes, measuredBytes: peakBytes };
  } finally {
    await worker.close();
  }
}

const ADAM: Optimizer = { kind: "adam" };
const FREEZING = { featureExtraction: 0.6, normalisation: 0.6, linear: 0 };

const CASES: readonly (readonly [ModelName, "batch" | "group", Partial<RetrainConfig>, Optimizer])[] = [
  ["resnet20", "batch", { microBatch: 128 }, SGD],
  ["resnet20", "batch", { microBatch: 192, checkpoints: { kind: "uniform", segments: 4 } }, SGD],
  ["resnet20", "batch", { microBatch: 160, accumulation: 2, freezing: FREEZING }, ADAM],
  ["resnet20", "group", { microBatch: 96 }, SGD],
  [
    "resnet20",
    "group",
    { microBatch: 96, accumulation: 2, checkpoints: { kind: "boundaries", at: [2, 4, 6, 8] } },
    SGD,
  ],
  ["mobilenet-v2", "batch", { microBatch: 24 }, SGD],
  ["mobilenet-v2", "batch", { microBatch: 15, accumulation: 2 }, SGD],
  ["mobilenet-v2", "batch", { microBatch: 15, checkpoints: { kind: "uniform", segments: 5 } }, SGD],
  ["mobilenet-v2", "batch", { microBatch: 32, checkpoints: { kind: "uniform", segments: 5 } }, SGD],
  ["mobilenet-v2", "batch", { microBatch: 32, freezing: FREEZING }, SGD],
  ["vit-tiny", "batch", { microBatch: 32 }, SGD],
  ["vit-tiny", "batch", { microBatch: 64, checkpoints: { kind: "uniform", segments: 5 } }, SGD],
  ["mobilevit-xxs", "batch", { microBatch: 48, freezing: FREEZING }, SGD],
];

for (const [model, norm, config, optimizer] of CASES) {
  test(`a step grows a worker by what its plan says: ${model} ${norm} ${JSON.stringify(config)}`, async () => {
    const graph = buildModel({ model, norm, inputShape: [32, 32, 3], classes: CLASSES });
    const { plannedBytes, measuredBytes } = await growthOf(graph, config, optimizer);
    const error = plannedBytes / measuredBytes - 1;
    assert.ok(Math.abs(error) <= MOST_ERROR, `planned ${plannedBytes}, measured ${measuredBytes} bytes`);
  });
}

/** Networks of three blocks of convolution and operation, wide enough that a map is most of what a step needs. */
const OPERATIONS: readonly (readonly [string, (g: GraphBuilder, x: string, name: string) => string])[] = [
  [
    "attention",
    (g, x, name) => {
      const packed = g.projection(g.reshape(x, [256, 128], `${name}_tokens`), 384, `${name}_packed`);
      return g.reshape(g.attention([packed], 4, name), [32, 32, 32], `${name}_map`);
    },
  ],
  ["swish", (g, x, name) => g.activation(x, "swish", name)],
  ["gelu", (g, x, name) => g.activation(x, "gelu", name)],
  ["softplus", (g, x, name) => g.activation(x, "softplus", name)],
  ["leakyRelu", (g, x, name) => g.append("activation", [x], { function: "leakyRelu", slope: 0.1 }, name)],
  ["clippedRelu", (g, x, name) => g.append("activation", [x], { function: "clippedRelu", most: 1 }, name)],
  ["prelu", (g, x, name) => g.append("prelu", [x], { sharedAxes: [0, 1] }, name)],
  ["layerNorm", (g, x, name) => g.append("layerNorm", [x], { epsilon: 1e-3, scale: true, center: true }, name)],
  ["affine", (g, x, name) => g.append("affine", [x], { scale: [0.9], offset: [0.1] }, name)],
  ["spatial dropout", (g, x, name) => g.append("dropout", [x], { rate: 0.2, whole: "channels" }, name)],
  [
    "upsample",
    (g, x, name) =>
      g.maxPool(g.append("upsample", [x], { factors: [1, 2] }, name), { poolSize: [1, 2] }, `${name}_most`),
  ],
];

for (const [name, add] of OPERATIONS) {
  test(`a step grows a worker by what its plan says: ${name}`, async () => {
    const g = new GraphBuilder("blocks", [32, 32, 3]);
    let x = g.input;
    for (const block of [1, 2, 3]) {
      x = add(g, g.conv2d(x, { filters: 32, kernelSize: 3, useBias: true }, `conv${block}`), `op${block}`);
    }
    const graph = g.build(g.dense(g.globalAvgPool(x, "pool"), CLASSES, "logits"));
    const { plannedBytes, measuredBytes } = await growthOf(graph, { microBatch: 256 }, SGD);
    const error = plannedBytes / measuredBytes - 1;
    assert.ok(Math.abs(error) <= MOST_ERROR, `planned ${plannedBytes}, measured ${measuredBytes} bytes`);
  });
}

test("checkpoints at good boundaries save at least 2.5x for resnet20 at batch 256, as planned and as measured", async () => {
  const graph = buildModel({ model: "resnet20", norm: "batch", inputShape: [32, 32, 3], classes: CLASSES });
  const chain = chainOf(graph);
  const facts = stepMemoryFacts(chain, { loss: "crossEntropy", optimizer: SGD });
  const planned = (at: readonly number[]): number =>
    residentGrowth(planStep(chain, { microBatch: 256, checkpoints: { kind: "boundaries", at } }), facts);
  const best = improved(chain.units.length, planned);
  assert.ok(planned([]) >= 2.5 * planned(best), `${planned([])} against ${planned(best)} bytes`);
  const all = await growthOf(graph, { microBatch: 256 }, SGD);
  const saved = await growthOf(graph, { microBatch: 256, checkpoints: { kind: "boundaries", at: best } }, SGD);
  assert.ok(
    all.measuredBytes >= 2.5 * saved.measuredBytes,
    `${all.measuredBytes} against ${saved.measuredBytes} bytes`,
  );
});

/** Boundaries from which adding or leaving out any one is no better: found by the test's own search. */
function improved(unitCount: number, cost: (at: readonly number[]) => number): readonly number[] {
  let best: readonly number[] = Array.from({ length: unitCount }, (_, unit) => unit);
  for (let isBetter = true; isBetter; ) {
    isBetter = false;
    for (let unit = 1; unit < unitCount; unit++) {
      const other = best.includes(unit) ? best.filter((at) => at !== unit) : [...best, unit];
      if (cost(other) >= cost(best)) continue;
      best = other;
      isBetter = true;
    }
  }
  return best;
}
