import "../test-support/quiet-tensorflow.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs-node";
import { writeLayersModel } from "../model/layers-format/write-layers-model.ts";
import { initialWeights } from "../model/variables.ts";
import { buildModel } from "../model/zoo/build-model.ts";
import { runEngine, testSamples, withSession } from "../test-support/engine-run.ts";
import { withFolder } from "../test-support/layers-format-testing.ts";
import { loadWithTfjs } from "../test-support/load-with-tfjs.ts";

const SHAPE = [16, 16, 3];
const SAMPLES = 8;
const CLASSES = 10;

for (const norm of ["batch", "group"] as const) {
  test(`stock TensorFlow.js computes a trained resnet20's logits as the engine does, ${norm} normalisation`, () =>
    withFolder(async (folder) => {
      const graph = buildModel({ model: "resnet20", norm, inputShape: SHAPE, classes: CLASSES });
      const samples = testSamples(graph, SAMPLES, CLASSES);
      const start = initialWeights(graph, 1);
      const optimizer = { kind: "momentum", momentum: 0.9 } as const;
      const config = { accumulation: 2, checkpoints: { kind: "uniform", segments: 3 } } as const;
      const run = { graph, samples, config, optimizer, statisticsMomentum: 0.7, steps: 4, learningRate: 0.05 };
      const { weights } = await runEngine({ ...run, weights: start });
      const logits = await withSession({ graph, weights, samples }, async (session) =>
        Float32Array.from(session.logits(samples)),
      );

      const peer = await loadWithTfjs(tf, await writeLayersModel({ graph, weights }, folder));
      const expected = tf.tidy(() => {
        const images = tf.tensor(samples.images, [SAMPLES, ...SHAPE]);
        return (peer.predict(images) as tf.Tensor).dataSync() as Float32Array;
      });
      peer.dispose();
      const scale = Math.max(...expected.map(Math.abs));
      assert.equal(logits.length, SAMPLES * CLASSES);
      logits.forEach((value, index) => {
        const error = Math.abs(value - (expected[index] ?? 0)) / scale;
        assert.ok(error <= 1e-4, `logit ${index}: ${value} is not ${expected[index]}`);
      });
    }));
}
