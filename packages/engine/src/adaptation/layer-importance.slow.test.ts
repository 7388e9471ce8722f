import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { mean } from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import type { ModelGraph } from "../model/model-graph.ts";
import { initialWeights } from "../model/variables.ts";
import { engineGradients, testSamples } from "../test-support/engine-run.ts";
import { MIXED_CLASSES, mixedGraph } from "../test-support/mixed-graph.ts";
import { EngineWorker } from "../worker/engine-worker.ts";
import { layerImportance } from "./layer-importance.ts";

const COUNT = 8;
const mixed = mixedGraph("batch");
/** Without dropout, whose draws depend on the order of the samples. */
const graph: ModelGraph = {
  ...mixed,
  nodes: mixed.nodes.map((node) => (node.kind === "dropout" ? { ...node, attributes: { rate: 0 } } : node)),
};
const model = { graph, weights: initialWeights(graph, 1) };
const samples = testSamples(graph, COUNT, MIXED_CLASSES);
const { parameters } = chainOf(graph);

describe("layerImportance()", () => {
  let worker: EngineWorker;
  before(async () => {
    worker = await EngineWorker.start({ environment: process.env, threads: 1 });
  });
  after(() => worker.close());

  it("is the size of a part of each layer's gradient, in the order of the model", async () => {
    const task = { model, samples, seed: 1, microBatch: COUNT };
    const importance = await layerImportance(worker, { ...task, method: "crossEntropy" });
    const { gradients } = await engineGradients({ ...model, samples });
    const parts = new Map<string, number[]>();
    for (const { name, layer } of parameters) {
      parts.set(layer, [...(parts.get(layer) ?? []), ...(gradients.get(name) as Float32Array)]);
    }
    const expected = new Map([...parts].map(([layer, all]) => [layer, Math.sqrt(mean(all.map((one) => one ** 2)))]));
    assert.deepEqual([...importance.keys()], [...expected.keys()]);
    const largest = Math.max(...expected.values());
    for (const [layer, value] of importance) {
      assert.ok(Math.abs(value - (expected.get(layer) ?? 0)) < 1e-3 * largest, `${layer}: ${value}`);
    }
  });

  it("knows only layers that the method trains, and looks at several micro-batches", async () => {
    const task = { model, samples, seed: 1, microBatch: COUNT / 2 };
    const tent = await layerImportance(worker, { ...task, method: "tent" });
    const norms = parameters.filter(({ layerClass }) => layerClass === "normalisation").map(({ layer }) => layer);
    assert.deepEqual([...tent.keys()], [...new Set(norms)]);
    const shot = await layerImportance(worker, { ...task, method: "shot" });
    assert.ok([...shot.values()].every((value) => Number.isFinite(value) && value >= 0));
    assert.ok(parameters.every(({ layer, layerClass }) => shot.has(layer) === (layerClass !== "linear")));
  });
});
