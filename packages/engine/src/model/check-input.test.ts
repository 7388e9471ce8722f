import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { InputForm } from "@mpo/datasets";
import { readNpy } from "@mpo/datasets";
import { syntheticImages } from "@mpo/datasets/testing";
import { checkInput } from "./check-input.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { readLayersModel } from "./layers-format/read-layers-model.ts";
import type { Model } from "./model-graph.ts";
import type { OnnxOrigin } from "./onnx/onnx-origin.ts";
import { withInputForm } from "./stated-input.ts";
import { initialWeights } from "./variables.ts";

/** A model of Keras and inputs from its test part, in 0..1. */
async function kerasCase(name: string): Promise<{ model: Model; samples: { images: Float32Array; count: number } }> {
  const folder = fileURLToPath(new URL(`../../cases/models/${name}/`, import.meta.url));
  const { data, shape } = await readNpy(`${folder}x.npy`);
  const model = await readLayersModel(`${folder}model.json`);
  return { model, samples: { images: Float32Array.from(data as Float32Array), count: shape[0] ?? 0 } };
}

for (const [name, range] of [
  ["pm1", "symmetric"],
  ["raw255", "bytes"],
] as const) {
  void test(`a model of Keras is noticed that was trained on ${range}, and as long as that is not stated`, async () => {
    const { model, samples } = await kerasCase(name);
    const stated = (form: InputForm): Model => ({ ...model, graph: withInputForm(model.graph, form) });
    assert.deepEqual(checkInput(model, samples), { isKnown: true, likely: { range } });
    assert.deepEqual(checkInput(stated({ range: "unit" }), samples), { isKnown: true, likely: { range } });
    assert.deepEqual(checkInput(stated({ range }), samples), { isKnown: true });
  });
}

const SHAPE = { height: 16, width: 16, channels: 3 };
const samples = syntheticImages({ ...SHAPE, count: 40, seed: 3 });

/** A model whose first thing is a normalisation of the images, with the statistics that training on them leaves. */
function normalised({ mean, deviation }: { mean: number[]; deviation: number[] }, startShare: number): Model {
  const g = new GraphBuilder("normalised", [16, 16, 3]);
  const norm = g.batchNorm(g.input, { epsilon: 1e-3, momentum: 0.99 }, "norm");
  const graph = g.build(g.dense(g.globalAvgPool(norm, "pool"), 2, "logits"));
  const weights = new Map(initialWeights(graph, 1));
  const channels = [0, 1, 2].map((channel) => samples.images.filter((_, at) => at % 3 === channel));
  const means = channels.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length);
  const variances = channels.map(
    (values, at) => values.reduce((sum, value) => sum + (value - means[at]!) ** 2, 0) / values.length,
  );
  const kept = 1 - startShare;
  const moved = means.map((value, at) => (kept * (value - mean[at]!)) / deviation[at]!);
  const spread = variances.map((value, at) => (kept * value) / deviation[at]! ** 2 + startShare);
  weights.set("norm/moving_mean", Float32Array.from(moved));
  weights.set("norm/moving_variance", Float32Array.from(spread));
  return { graph, weights };
}

for (const [range, mean, deviation] of [
  ["unit", 0, 1],
  ["symmetric", 0.5, 0.5],
  ["bytes", 0, 1 / 255],
] as const) {
  for (const startShare of [0, 0.1]) {
    void test(`statistics of ${range} are known, with ${startShare} of their start`, () => {
      const all = (value: number): number[] => [value, value, value];
      const model = normalised({ mean: all(mean), deviation: all(deviation) }, startShare);
      const { likely } = checkInput(model, samples);
      assert.deepEqual(likely, range === "unit" ? undefined : { range });
    });
  }
}

for (const light of [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]) {
  void test(`images in a haze that leaves ${light} of their light are doubted by no model`, () => {
    const hazed = { ...samples, images: samples.images.map((value) => light * value + 1 - light) };
    for (const startShare of [0, 0.1]) {
      const model = normalised({ mean: [0, 0, 0], deviation: [1, 1, 1] }, startShare);
      assert.equal(checkInput(model, hazed).likely, undefined);
    }
  });
}

void test("a normalisation that was put back by reference inputs says nothing", () => {
  const model = normalised({ mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] }, 0);
  const onnx = {
    message: {},
    sources: new Map(),
    notes: [],
    norms: new Map([["conv", "norm"]]),
  } as unknown as OnnxOrigin;
  assert.deepEqual(checkInput({ ...model, onnx }, samples), { isKnown: false });
});

void test("a model that does not begin with a normalisation says nothing", () => {
  const g = new GraphBuilder("plain", [16, 16, 3]);
  const conv = g.activation(g.conv2d(g.input, { filters: 4, kernelSize: 3 }, "conv"), "relu", "relu");
  const norm = g.batchNorm(conv, { epsilon: 1e-3, momentum: 0.99 }, "norm");
  const graph = g.build(g.dense(g.globalAvgPool(norm, "pool"), 2, "logits"));
  assert.deepEqual(checkInput({ graph, weights: initialWeights(graph, 1) }, samples), { isKnown: false });
});
