import "../test-support/quiet-tensorflow.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs-node";
import { GraphBuilder } from "../model/graph-builder.ts";
import type { ModelGraph } from "../model/model-graph.ts";
import { graphVariables } from "../model/variables.ts";
import { assertSameGradients } from "../test-support/compare-gradients.ts";
import {
  type EngineRun,
  engineGradients,
  runEngine,
  type TestSamples,
  testSamples,
} from "../test-support/engine-run.ts";
import { forwardWithTfjs } from "../test-support/evaluate-with-tfjs.ts";
import { randomModel } from "../test-support/layers-format-testing.ts";
import { tfjsGradients } from "../test-support/tfjs-gradients.ts";

const CLASSES = 4;
const CHANNELS = 6;
const PIXELS = 36;
const MOMENTUM = 0.9;

const g = new GraphBuilder("normed", [6, 6, 3]);
const before = g.conv2d(g.input, { filters: CHANNELS, kernelSize: 3 }, "conv");
const normed = g.activation(g.batchNorm(before, { epsilon: 1e-3, momentum: MOMENTUM }, "norm"), "relu", "relu");
const { graph, weights } = randomModel(g.build(g.dense(g.globalAvgPool(normed, "pool"), CLASSES, "logits")), 6);
const samples = testSamples(graph, 8, CLASSES);

function part(micro: number, accumulation: number): TestSamples {
  const count = samples.count / accumulation;
  const size = samples.images.length / samples.count;
  return {
    images: samples.images.slice(micro * count * size, (micro + 1) * count * size),
    labels: samples.labels.slice(micro * count, (micro + 1) * count),
    count,
  };
}

test("accumulated gradients are the mean of those of the micro-batches, each with its own statistics", async () => {
  for (const accumulation of [2, 4]) {
    const parts = Array.from({ length: accumulation }, (_, micro) =>
      tfjsGradients(graph, weights, part(micro, accumulation)),
    );
    const expected = new Map(
      [...(parts[0]?.gradients ?? [])].map(([name, first]) => [
        name,
        first.map(
          (_, index) => parts.reduce((sum, each) => sum + (each.gradients.get(name)?.[index] ?? 0), 0) / accumulation,
        ),
      ]),
    );
    const { gradients } = await engineGradients({ graph, weights, samples, config: { accumulation } });
    assertSameGradients(gradients, expected, 1e-4);
  }
});

/** Mean and unbiased variance of each channel in front of the normalisation. */
function statisticsOf(batch: TestSamples): readonly (readonly [number, number])[] {
  const nodes = graph.nodes.slice(0, 2);
  const head: ModelGraph = { ...graph, nodes, output: "conv" };
  const shapes = new Map(graphVariables(head).map(({ name, spec }) => [name, spec.shape]));
  const values = tf.tidy(() => {
    const source = (name: string): tf.Tensor =>
      tf.tensor(weights.get(name) as Float32Array, [...(shapes.get(name) ?? [])]);
    return forwardWithTfjs(tf, head, source, batch.images, "batch").dataSync() as Float32Array;
  });
  const count = batch.count * PIXELS;
  return Array.from({ length: CHANNELS }, (_, channel) => {
    const own = values.filter((_, index) => index % CHANNELS === channel);
    const mean = own.reduce((sum, value) => sum + value, 0) / count;
    return [mean, own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1)] as const;
  });
}

async function assertStatistics(run: Partial<EngineRun>, accumulation: number, momentum: number): Promise<void> {
  const { weights: after } = await runEngine({ graph, weights, samples, ...run });
  const expected = {
    moving_mean: Float64Array.from(weights.get("norm/moving_mean") as Float32Array),
    moving_variance: Float64Array.from(weights.get("norm/moving_variance") as Float32Array),
  };
  for (let micro = 0; micro < accumulation; micro++) {
    statisticsOf(part(micro, accumulation)).forEach(([mean, variance], channel) => {
      const moved = (old: Float64Array, value: number): number =>
        momentum * (old[channel] ?? 0) + (1 - momentum) * value;
      expected.moving_mean[channel] = moved(expected.moving_mean, mean);
      expected.moving_variance[channel] = moved(expected.moving_variance, variance);
    });
  }
  for (const [name, values] of Object.entries(expected)) {
    const actual = after.get(`norm/${name}`) as Float32Array;
    values.forEach((value, channel) => {
      assert.ok(
        Math.abs(value - (actual[channel] ?? 0)) < 1e-5,
        `${name} ${channel}: ${actual[channel]} is not ${value}`,
      );
    });
  }
}

test("moving statistics move once for each micro-batch, one after the other", async () => {
  await assertStatistics({}, 1, MOMENTUM);
  await assertStatistics({ config: { accumulation: 4 } }, 4, MOMENTUM);
});

test("moving statistics move once where the normalisation runs again or is frozen", async () => {
  const at = [0, 1];
  await assertStatistics({ config: { accumulation: 2, checkpoints: { kind: "boundaries", at } } }, 2, MOMENTUM);
  const freezing = { featureExtraction: 1, normalisation: 1, linear: 0 };
  await assertStatistics({ config: { freezing } }, 1, MOMENTUM);
});

test("a training's own statistics momentum replaces the layer's", async () => {
  await assertStatistics({ statisticsMomentum: 0.5 }, 1, 0.5);
  await assertStatistics({ statisticsMomentum: 0 }, 1, 0);
});

test("evaluation reads the moving statistics and leaves them alone", async () => {
  const { weights: after } = await runEngine({ graph, weights, samples, steps: 0 });
  for (const [name, values] of weights) assert.deepEqual(after.get(name), values);
});
