import "../test-support/quiet-tensorflow.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { GraphBuilder } from "../model/graph-builder.ts";
import { ACTIVATION_NAMES, type ActivationName, type ModelGraph } from "../model/model-graph.ts";
import { testSamples, withSession } from "../test-support/engine-run.ts";
import { randomModel } from "../test-support/layers-format-testing.ts";

const CLASSES = 3;
const COUNT = 4;

/** A convolution, its normalisation and an activation; `isApart`: with something between the last two, so that nothing is fused. */
function network(activation: ActivationName, kernelSize: number, useBias: boolean, isApart: boolean): ModelGraph {
  const g = new GraphBuilder("fused", [8, 8, 3]);
  const conv = g.conv2d(g.input, { filters: 6, kernelSize, useBias }, "conv");
  const norm = g.batchNorm(conv, { epsilon: 1e-3, momentum: 0.9 }, "norm");
  const last = isApart ? g.avgPool(norm, { poolSize: [1, 1] }, "apart") : norm;
  return g.build(g.dense(g.globalAvgPool(g.activation(last, activation, "activation"), "pool"), CLASSES, "logits"));
}

for (const activation of ACTIVATION_NAMES) {
  test(`inference gives the same with ${activation} after a normalised convolution, fused or not`, async () => {
    for (const kernelSize of [1, 3]) {
      for (const useBias of [false, true]) {
        const [together, apart] = await Promise.all(
          [false, true].map(async (isApart) => {
            const graph = network(activation, kernelSize, useBias, isApart);
            const samples = testSamples(graph, COUNT, CLASSES);
            const run = { ...randomModel(graph, 1), samples };
            return await withSession(run, async (session) => Float32Array.from(session.logits(samples)));
          }),
        );
        for (const [at, logit] of together!.entries()) {
          assert.ok(Math.abs(logit - apart![at]!) < 1e-4, `${kernelSize} ${useBias}: ${logit}, ${apart![at]}`);
        }
      }
    }
  });
}
