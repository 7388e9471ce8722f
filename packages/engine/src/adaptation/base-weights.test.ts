import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveRetrainConfig } from "@mpo/core";
import { syntheticImages } from "@mpo/datasets/testing";
import { GraphBuilder } from "../model/graph-builder.ts";
import type { ModelWeights } from "../model/model-graph.ts";
import { initialWeights } from "../model/variables.ts";
import { baseWeights } from "./base-weights.ts";

const { images, count } = syntheticImages({ height: 8, width: 8, channels: 1, count: 40, seed: 3 });
const mean = images.reduce((sum, value) => sum + value, 0) / images.length;
const variance = images.reduce((sum, value) => sum + (value - mean) ** 2, 0) / images.length;

const builder = new GraphBuilder("normalised", [8, 8, 1]);
const norm = builder.batchNorm(builder.input, { epsilon: 1e-3, momentum: 0.99 }, "norm");
const graph = builder.build(builder.dense(builder.globalAvgPool(norm, "pool"), 2, "logits"));

/** As if it had been normalised by images so much brighter. */
function brighter(by: number): ModelWeights {
  const weights = new Map(initialWeights(graph, 1));
  weights.set("norm/moving_mean", Float32Array.of(mean + by));
  weights.set("norm/moving_variance", Float32Array.of(variance));
  return weights;
}

for (const { serving, source, labels, isBack } of [
  { serving: 0.3, source: 0, labels: undefined, isBack: true },
  { serving: 0, source: 0.3, labels: undefined, isBack: false },
  { serving: 0.2, source: 0.3, labels: undefined, isBack: false },
  { serving: 0.25, source: 0.3, labels: undefined, isBack: true },
  { serving: 0.3, source: undefined, labels: undefined, isBack: false },
  { serving: 0.3, source: 0, labels: new Int32Array(count), isBack: false },
]) {
  const words = `${labels ? "labelled " : ""}images, ${serving} from what serves and ${source ?? "nothing known"} from the source`;
  void test(`${words} are held against the ${isBack ? "source" : "serving weights"}`, () => {
    const model = { graph, weights: brighter(serving) };
    const delivered = source === undefined ? undefined : brighter(source);
    const samples = { images, count, ...(labels === undefined ? {} : { labels }) };
    const task = {
      model,
      source: delivered,
      samples,
      method: "tent",
      config: resolveRetrainConfig({ microBatch: 8 }),
    } as const;
    assert.equal(baseWeights({ ...task, epochs: 1, seed: 1 }), isBack ? delivered : model.weights);
  });
}

void test("a model without a normalisation at its begin is held against what serves", () => {
  const plain = new GraphBuilder("plain", [8, 8, 1]);
  const model = plain.build(plain.dense(plain.globalAvgPool(plain.input, "pool"), 2, "logits"));
  const [weights, source] = [initialWeights(model, 1), initialWeights(model, 2)];
  const task = { model: { graph: model, weights }, source, samples: { images, count }, method: "tent" } as const;
  assert.equal(baseWeights({ ...task, config: resolveRetrainConfig({ microBatch: 8 }), epochs: 1, seed: 1 }), weights);
});
