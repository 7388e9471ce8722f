import { METHOD_NAMES, type MethodName } from "@mpo/core";
import "../test-support/quiet-tensorflow.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "@mpo/datasets";
import * as tf from "@tensorflow/tfjs-node";
import { assertClose } from "../test-support/compare-gradients.ts";
import { runGraph } from "../test-support/graph-run.ts";
import { emitLoss, etaCosine, SHOT_PSEUDO_LABEL_WEIGHT } from "./loss.ts";

const CLASSES = 7;
/** Mean of the latest predictions: mostly of two classes. */
const LATEST = Float32Array.of(0.5, 0.3, 0.04, 0.04, 0.04, 0.04, 0.04);

interface LossCase {
  readonly logits: Float32Array;
  readonly labels: Int32Array;
  /** All samples of the batch that this micro-batch is part of. */
  readonly effectiveBatch: number;
}

function lossCase(seed: number, count: number, spread: number, labelled: "all" | "some" | "none"): LossCase {
  const random = createRandom(seed);
  const isLabelled = (): boolean => labelled === "all" || (labelled === "some" && random.uniform() < 0.5);
  return {
    logits: Float32Array.from({ length: count * CLASSES }, () => spread * random.gaussian()),
    labels: Int32Array.from({ length: count }, () => (isLabelled() ? random.integer(CLASSES) : -1)),
    effectiveBatch: count,
  };
}

const CASES: readonly (readonly [string, LossCase])[] = [
  ["all labels", lossCase(1, 6, 1, "all")],
  ["some labels", lossCase(2, 8, 1, "some")],
  ["no labels", lossCase(3, 5, 2, "none")],
  ["one sample", lossCase(4, 1, 1, "all")],
  ["confident predictions", lossCase(5, 6, 8, "some")],
  ["a part of a larger batch", { ...lossCase(6, 4, 1, "some"), effectiveBatch: 16 }],
];

function engineLoss(name: MethodName, { logits, labels, effectiveBatch }: LossCase): readonly [number, Float32Array] {
  const count = labels.length;
  const feeds = {
    logits: { shape: [count, CLASSES], data: logits },
    latest: { shape: [CLASSES], data: LATEST },
    labels: { shape: [count], data: labels },
    weight: { shape: [], data: Float32Array.of(1 / effectiveBatch) },
  };
  const [loss, gradient] = runGraph(feeds, (emit) => {
    const given = { logits: "logits", labels: "labels", sampleWeight: "weight", meanPrediction: "latest" };
    const inputs = { ...given, batch: emit.batch, classes: CLASSES };
    const tensors = emitLoss(name, emit, inputs);
    return [tensors.loss, tensors.gradient];
  }) as [Float32Array, Float32Array];
  return [loss[0] as number, gradient];
}

/** The losses as their papers write them; sums over the micro-batch, over the effective batch's size. */
const PEERS: Readonly<Record<MethodName, (logits: tf.Tensor2D, labels: Int32Array) => tf.Tensor>> = {
  crossEntropy: (logits, labels) => {
    const targets = tf.buffer([labels.length, CLASSES]);
    for (const [row, label] of labels.entries()) if (label >= 0) targets.set(1, row, label);
    return tf.neg(tf.sum(tf.mul(targets.toTensor(), tf.logSoftmax(logits))));
  },
  norm: (logits, labels) => PEERS.tent(logits, labels),
  tent: (logits) => tf.neg(tf.sum(tf.mul(tf.softmax(logits), tf.logSoftmax(logits)))),
  eta: (logits) => {
    const most = 0.4 * Math.log(CLASSES);
    const rows = tf.softmax(logits).arraySync() as number[][];
    const weights = rows.map((row) => {
      const entropy = -row.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0);
      const cosine =
        row.reduce((sum, p, index) => sum + p * LATEST[index]!, 0) / Math.hypot(...row) / Math.hypot(...LATEST);
      return entropy < most && cosine < etaCosine(CLASSES) ? Math.exp(most - entropy) : 0;
    });
    const perSample = tf.neg(tf.sum(tf.mul(tf.softmax(logits), tf.logSoftmax(logits)), 1));
    return tf.sum(tf.mul(perSample, tf.tensor1d(weights)));
  },
  eata: (logits, labels) => {
    const rows = [...labels].flatMap((label, row) => (label < 0 ? [row] : []));
    const known = PEERS.crossEntropy(logits, labels);
    return rows.length === 0 ? known : tf.add(known, PEERS.eta(tf.gather(logits, rows) as tf.Tensor2D, labels));
  },
  roid: (logits) => {
    const probabilities = tf.softmax(logits);
    const rows = probabilities.arraySync() as number[][];
    const scaled = (values: readonly number[]): readonly number[] => {
      const [least, most] = [Math.min(...values), Math.max(...values)];
      return values.map((value) => (value - least) / Math.max(most - least, 1e-6));
    };
    const unlike = scaled(
      rows.map((row) => {
        const product = row.reduce((sum, p, index) => sum + p * LATEST[index]!, 0);
        return 1 - product / Math.hypot(...row) / Math.hypot(...LATEST);
      }),
    );
    const sure = scaled(rows.map((row) => row.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0)));
    const mean = unlike.reduce((sum, value) => sum + value, 0) / unlike.length;
    const weights = unlike.map((value, index) => (value < mean ? 0 : Math.exp(3 * value * sure[index]!)));
    const clipped = tf.clipByValue(probabilities, 0, 0.99);
    const logOdds = tf.log(tf.add(tf.div(clipped, tf.sub(1, clipped)), 1e-5));
    return tf.neg(tf.sum(tf.mul(tf.sum(tf.mul(clipped, logOdds), 1), tf.tensor1d(weights))));
  },
  shot: (logits, labels) => {
    const mean = tf.mean(tf.softmax(logits), 0);
    const diversity = tf.neg(tf.sum(tf.mul(mean, tf.log(tf.add(mean, 1e-8)))));
    const certain = tf.sub(PEERS.tent(logits, labels), tf.mul(diversity, labels.length));
    return tf.add(certain, tf.mul(PEERS.crossEntropy(logits, labels), SHOT_PSEUDO_LABEL_WEIGHT));
  },
};

function peerLoss(name: MethodName, { logits, labels, effectiveBatch }: LossCase): readonly [number, Float32Array] {
  return tf.tidy(() => {
    const loss = (x: tf.Tensor): tf.Scalar =>
      tf.div(PEERS[name](x as tf.Tensor2D, labels), effectiveBatch).asScalar() as tf.Scalar;
    const { value, grad } = tf.valueAndGrad(loss)(tf.tensor2d(logits, [labels.length, CLASSES]));
    return [value.dataSync()[0] as number, Float32Array.from(grad.dataSync())] as const;
  });
}

for (const name of METHOD_NAMES) {
  for (const [title, lossCase] of CASES) {
    test(`${name} and its gradient, with ${title}, are those of tfjs`, () => {
      const [loss, gradient] = engineLoss(name, lossCase);
      const [expectedLoss, expectedGradient] = peerLoss(name, lossCase);
      if (Math.abs(expectedLoss) > 1e-6) assertClose(loss, expectedLoss, 1e-4);
      else assert.ok(Math.abs(loss) <= 1e-6, `${loss} is not 0`);
      const scale = Math.max(1e-4, ...expectedGradient.map(Math.abs));
      for (const [index, value] of gradient.entries()) {
        const error = Math.abs(value - (expectedGradient[index] ?? 0)) / scale;
        assert.ok(error <= 1e-4, `gradient ${index}: ${value} is not ${expectedGradient[index]}`);
      }
    });
  }

  test(`${name} stays finite where a prediction is certain`, () => {
    const logits = Float32Array.from({ length: 2 * CLASSES }, (_, index) => (index % CLASSES === 2 ? 300 : -300));
    const [loss, gradient] = engineLoss(name, { logits, labels: Int32Array.of(2, 2), effectiveBatch: 2 });
    assert.ok([loss, ...gradient].every(Number.isFinite), `loss ${loss}, gradient ${gradient.join()}`);
  });
}

test("eta leaves out what is unsure and what is like the latest", () => {
  const sure = (at: number): readonly number[] => Array.from({ length: CLASSES }, (_, index) => (index === at ? 4 : 0));
  const logits = Float32Array.from([...sure(0), ...sure(6), ...Array.from({ length: CLASSES }, () => 0)]);
  const [, gradient] = engineLoss("eta", { logits, labels: Int32Array.of(-1, -1, -1), effectiveBatch: 3 });
  const moved = [0, 1, 2].map((row) =>
    gradient.subarray(row * CLASSES, (row + 1) * CLASSES).some((value) => value !== 0),
  );
  assert.deepEqual(moved, [false, true, false]);
  assert.equal(etaCosine(10), 0.4);
  assert.ok(Math.abs(etaCosine(1000) - 0.05) < 1e-12);
});

test("a label of -1 counts for nothing in crossEntropy", () => {
  const { logits } = lossCase(9, 3, 1, "all");
  const [, gradient] = engineLoss("crossEntropy", { logits, labels: Int32Array.of(4, -1, 0), effectiveBatch: 3 });
  assert.ok(gradient.subarray(CLASSES, 2 * CLASSES).every((value) => value === 0));
  assert.ok(gradient.subarray(0, CLASSES).some((value) => value !== 0));
});
