import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "@mpo/datasets";
import { softmaxRows } from "../adaptation/probabilities.ts";
import { GraphBuilder } from "../model/graph-builder.ts";
import type { ModelGraph, ModelWeights } from "../model/model-graph.ts";
import { assertSameGradients } from "../test-support/compare-gradients.ts";
import { engineGradients, type TestSamples, testSamples, withSession } from "../test-support/engine-run.ts";
import { randomModel } from "../test-support/layers-format-testing.ts";

const CLASSES = 4;
const CHANNELS = 6;
const SHARE = 0.3;
/** Of a central difference: float32 keeps about as many digits of the loss as this leaves to it. */
const DIFFERENCE = 2 ** -8;

/** The normalisation comes early, so that what it sees can be averaged by hand. */
function normedEarly(side: number): { readonly graph: ModelGraph; readonly weights: ModelWeights } {
  const g = new GraphBuilder("normed", [side, side, CHANNELS]);
  const mixed = g.conv2d(g.input, { filters: CHANNELS, kernelSize: 1 }, "mix");
  const normed = g.batchNorm(mixed, { epsilon: 1e-3, momentum: 0.9 }, "norm");
  const pooled = g.globalAvgPool(g.activation(normed, "softplus", "softplus"), "pool");
  return randomModel(g.build(g.dense(pooled, CLASSES, "logits")), 6);
}

interface Moments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Of what the normalisation sees. */
function momentsOf(weights: ModelWeights, { images }: TestSamples): Moments {
  const kernel = weights.get("mix/kernel")!;
  const mixed = Float64Array.from(images, (_, at) => {
    const [pixel, channel] = [Math.floor(at / CHANNELS), at % CHANNELS];
    const inputs = images.subarray(pixel * CHANNELS, (pixel + 1) * CHANNELS);
    return inputs.reduce((sum, value, input) => sum + value * kernel[input * CHANNELS + channel]!, 0);
  });
  const count = mixed.length / CHANNELS;
  const mean = new Float64Array(CHANNELS);
  const variance = new Float64Array(CHANNELS);
  mixed.forEach((value, at) => {
    mean[at % CHANNELS]! += value / count;
  });
  mixed.forEach((value, at) => {
    variance[at % CHANNELS]! += (value - mean[at % CHANNELS]!) ** 2 / count;
  });
  return { mean, variance };
}

/** The moments of a mixture of two populations. */
function mixture(old: Moments, own: Moments, share: number): Moments {
  return {
    mean: old.mean.map((value, at) => (1 - share) * value + share * own.mean[at]!),
    variance: old.variance.map(
      (value, at) =>
        (1 - share) * value + share * own.variance[at]! + share * (1 - share) * (own.mean[at]! - old.mean[at]!) ** 2,
    ),
  };
}

function movingOf(weights: ModelWeights): Moments {
  const [mean, variance] = ["moving_mean", "moving_variance"].map((name) => weights.get(`norm/${name}`)!);
  return { mean: Float64Array.from(mean!), variance: Float64Array.from(variance!) };
}

function withMoving(weights: ModelWeights, { mean, variance }: Moments): ModelWeights {
  const moving = { moving_mean: Float32Array.from(mean), moving_variance: Float32Array.from(variance) };
  return new Map([...weights, ...Object.entries(moving).map(([name, values]) => [`norm/${name}`, values] as const)]);
}

function assertMoments(actual: Moments, expected: Moments): void {
  for (const name of ["mean", "variance"] as const) {
    expected[name].forEach((value, at) => {
      assert.ok(Math.abs(value - actual[name][at]!) < 1e-5, `${name} ${at}: ${actual[name][at]} is not ${value}`);
    });
  }
}

function meanLoss(logits: Float32Array, { labels, count }: TestSamples): number {
  const probabilities = softmaxRows(logits, count);
  return labels.reduce((sum, label, row) => sum - Math.log(probabilities[row * CLASSES + label]!) / count, 0);
}

for (const [side, count] of [
  [1, 1],
  [5, 1],
  [3, 4],
] as const) {
  test(`${count} of ${side}x${side} learn as by a model that infers with the statistics that they move`, async () => {
    const { graph, weights } = normedEarly(side);
    const samples = testSamples(graph, count, CLASSES);
    const used = mixture(movingOf(weights), momentsOf(weights, samples), SHARE);
    const found = await engineGradients({
      ...{ graph, weights, samples },
      ...{ blendsStatistics: true, statisticsMomentum: 0, statisticsShare: SHARE },
    });
    assertMoments(movingOf(found.weights), used);

    const inferred = withMoving(weights, used);
    const trained = ["mix/kernel", "norm/gamma", "norm/beta", "logits/kernel", "logits/bias"];
    const random = createRandom(2);
    const lossWith = async (changed: ModelWeights): Promise<number> =>
      await withSession({ graph, weights: changed, samples }, async (session) => {
        return meanLoss(session.logits(samples), samples);
      });
    assert.ok(Math.abs((await lossWith(inferred)) - found.loss) < 1e-5);
    for (const name of trained) {
      const values = inferred.get(name)!;
      const at = random.integer(values.length);
      const losses = await Promise.all(
        [DIFFERENCE, -DIFFERENCE].map(async (by) =>
          lossWith(new Map([...inferred, [name, values.map((value, index) => (index === at ? value + by : value))]])),
        ),
      );
      const slope = (losses[0]! - losses[1]!) / (2 * DIFFERENCE);
      const actual = found.gradients.get(name)![at]!;
      assert.ok(Math.abs(slope - actual) < 2e-3, `${name} ${at}: ${actual}, by differences ${slope}`);
    }
  });
}

test("micro-batches of one give the moments of all of them together", async () => {
  const { graph, weights } = normedEarly(3);
  const samples = testSamples(graph, 12, CLASSES);
  const size = samples.images.length / samples.count;
  const config = { microBatch: 1, accumulation: 2 };
  const run = { graph, weights, samples, config, blendsStatistics: true, statisticsMomentum: 0 };
  const after = await withSession(run, async (session) => {
    for (let sample = 0; sample < samples.count; sample++) {
      const images = samples.images.subarray(sample * size, (sample + 1) * size);
      const settings = { learningRate: 0, sampleWeight: 1, seed: 1, statisticsShare: 1 / (sample + 1) };
      session.microStep({ images, count: 1 }, settings);
    }
    return session.read();
  });
  assertMoments(movingOf(after), momentsOf(weights, samples));
});

test("an operation that runs again is normalised as it was at first", async () => {
  const g = new GraphBuilder("deep", [6, 6, 3]);
  let x = g.input;
  for (const block of [1, 2, 3]) {
    const conv = g.conv2d(x, { filters: CHANNELS, kernelSize: 3 }, `conv${block}`);
    x = g.activation(g.batchNorm(conv, { epsilon: 1e-3, momentum: 0.9 }, `norm${block}`), "relu", `relu${block}`);
  }
  const model = randomModel(g.build(g.dense(g.globalAvgPool(x, "pool"), CLASSES, "logits")), 3);
  const samples = testSamples(model.graph, 4, CLASSES);
  const blended = { blendsStatistics: true, statisticsMomentum: 0, statisticsShare: 1 };
  const run = { ...model, samples, ...blended };
  const config = { microBatch: 2, accumulation: 2 };
  const plain = await engineGradients({ ...run, config });
  for (const at of [[0], [1], [0, 1, 2, 3]]) {
    const kept = await engineGradients({ ...run, config: { ...config, checkpoints: { kind: "boundaries", at } } });
    assertSameGradients(kept.gradients, plain.gradients, 1e-5);
    for (const [name, values] of plain.weights) {
      if (!name.includes("moving")) continue;
      values.forEach((value, index) => {
        const found = kept.weights.get(name)![index]!;
        assert.ok(Math.abs(found - value) < 1e-6, `${name} ${index}: ${found} is not ${value}`);
      });
    }
  }
});
