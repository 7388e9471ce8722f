import "../test-support/quiet-tensorflow.ts";
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { METHOD_NAMES, type MethodName } from "@mpo/core";
import { createRandom, deriveSeed, readNpy } from "@mpo/datasets";
import * as tf from "@tensorflow/tfjs-node";
import { outputsOf, softmaxRows } from "../adaptation/probabilities.ts";
import { GraphBuilder } from "../model/graph-builder.ts";
import { readLayersModel } from "../model/layers-format/read-layers-model.ts";
import { writeLayersModel } from "../model/layers-format/write-layers-model.ts";
import { elementsOf, type Model, type ModelGraph } from "../model/model-graph.ts";
import { headOf } from "../model/model-head.ts";
import { headDropout } from "../probe/accuracy/head-dropout.ts";
import { assertSameGradients } from "../test-support/compare-gradients.ts";
import { engineGradients, runEngine, type TestSamples, testSamples, withSession } from "../test-support/engine-run.ts";
import { evaluateWithTfjs } from "../test-support/evaluate-with-tfjs.ts";
import { withFoldedNorms } from "../test-support/folded-norms.ts";
import { randomModel, withFolder } from "../test-support/layers-format-testing.ts";
import { loadWithTfjs } from "../test-support/load-with-tfjs.ts";
import { type TfjsLoss, tfjsCrossEntropy, tfjsGradients } from "../test-support/tfjs-gradients.ts";

/** Models as Keras writes them, with inputs and what Keras' own `predict` gives for them. */
const CASES = fileURLToPath(new URL("../../cases/models/", import.meta.url));
const TOLERANCE = 1e-4;

/** What a model gives by the engine, as its last layer says. */
async function outputs({ graph, weights }: Model, images: Float32Array, count: number): Promise<Float32Array> {
  const samples = { images, labels: new Int32Array(count), count };
  return await withSession({ graph, weights, samples }, async (session) =>
    outputsOf(headOf(graph), Float32Array.from(session.logits(samples)), count),
  );
}

function assertNear(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string, tolerance = TOLERANCE): void {
  assert.equal(actual.length, expected.length, what);
  for (let at = 0; at < actual.length; at++) {
    assert.ok(
      Math.abs(actual[at]! - expected[at]!) <= tolerance,
      `${what}: ${actual[at]} at ${at}, not ${expected[at]}`,
    );
  }
}

/** Probabilities of all classes by what a model gives; of two by the one output of a sigmoid. */
function classProbabilities(
  graph: ModelGraph,
  given: ArrayLike<number>,
  count: number,
): readonly (readonly number[])[] {
  const { ending } = headOf(graph);
  const values = ending === undefined ? softmaxRows(Float32Array.from(given), count) : given;
  const columns = values.length / count;
  return Array.from({ length: count }, (_, row) => {
    const own = Array.from({ length: columns }, (__, column) => values[row * columns + column]!);
    return ending === "sigmoid" ? [1 - own[0]!, own[0]!] : own;
  });
}

function meanEntropy(rows: readonly (readonly number[])[]): number {
  return -rows.flat().reduce((sum, share) => sum + share * Math.log(share), 0) / rows.length;
}

for (const name of ["softmax-last", "softmax-linear", "v1-new", "binary"]) {
  test(`${name}: outputs, losses and what is written back are by Keras' probabilities`, () =>
    withFolder(async (folder) => {
      const [x, y] = await Promise.all(["x.npy", "y.npy"].map((file) => readNpy(join(CASES, name, file))));
      const images = Float32Array.from(x!.data);
      const [count = 0] = x!.shape;
      const model = await readLayersModel(join(CASES, name, "model.json"));
      assertNear(await outputs(model, images, count), y!.data, "as read");
      const written = await writeLayersModel(model, folder);
      assertNear(await outputs(await readLayersModel(written), images, count), y!.data, "written and read");
      const peer = await loadWithTfjs(tf, written);
      const again = tf.tidy(() => (peer.predict(tf.tensor(images, [...x!.shape])) as tf.Tensor).dataSync());
      peer.dispose();
      assertNear(again, y!.data, "written, by TensorFlow.js");

      const rows = classProbabilities(model.graph, y!.data, count);
      const labels = Int32Array.from({ length: count }, (_, row) => row % 2);
      const run = { ...withFoldedNorms(model), samples: { images, labels, count } };
      const { losses } = await runEngine({ ...run, loss: "tent" });
      assertNear(losses, [meanEntropy(rows)], "the first loss of Tent");
      const crossEntropy = -rows.reduce((sum, row, at) => sum + Math.log(row[labels[at]!]!), 0) / count;
      assertNear((await runEngine({ ...run, loss: "crossEntropy" })).losses, [crossEntropy], "the first cross-entropy");
    }));
}

const tfjsLosses: Readonly<Record<Extract<MethodName, "crossEntropy" | "tent">, TfjsLoss>> = {
  crossEntropy: tfjsCrossEntropy,
  tent: (logits) =>
    tf.neg(tf.div(tf.sum(tf.mul(tf.softmax(logits), tf.logSoftmax(logits))), logits.shape[0])) as tf.Scalar,
};

/** A seeded model with a head of any kind, and anything behind it that leaves probabilities as they are. */
function randomHead(seed: number): ModelGraph {
  const random = createRandom(deriveSeed(seed, "head"));
  const g = new GraphBuilder("any", [4, 4, 2]);
  const map = g.activation(g.conv2d(g.input, { filters: 5, kernelSize: 3, useBias: true }, "conv"), "tanh", "tanh");
  const kind = (["softmax", "softmax", "sigmoid", undefined] as const)[random.integer(4)];
  const outputs = kind === "sigmoid" ? 1 : 2 + random.integer(5);
  let x =
    random.uniform() < 0.5
      ? g.dense(g.globalAvgPool(map, "pool"), outputs, "dense")
      : g.conv2d(g.globalAvgPool(map, "pool", true), { filters: outputs, kernelSize: 1, useBias: true }, "preds");
  let number = 0;
  const anyPlain = (mayDrop: boolean): void => {
    for (let left = random.integer(4); left > 0; left--) {
      const name = `plain${number++}`;
      const choice = random.integer(mayDrop ? 4 : 3);
      if (choice === 0) x = g.activation(x, "linear", name);
      else if (choice === 1) x = g.reshape(x, [1, 1, outputs], name);
      else if (choice === 2) x = g.flatten(x, name);
      else x = g.dropout(x, 0.5, name);
    }
  };
  // Dropout is compared with nothing, so that it may stand only where it does nothing.
  anyPlain(false);
  if (kind !== undefined) {
    x = g.activation(x, kind, "ending");
    anyPlain(true);
    if (outputs > 1 && random.uniform() < 0.3) x = g.reshape(x, [outputs, 1], "column");
  }
  return g.build(g.flatten(x, "flat"));
}

test("of any head outputs, losses and gradients are those of TensorFlow.js, and it is written back as it came", () =>
  withFolder(async (folder) => {
    for (let seed = 1; seed <= 24; seed++) {
      const graph = randomHead(seed);
      const head = headOf(graph);
      const what = `seed ${seed}: ${graph.nodes.map(({ name }) => name).join(" ")}`;
      const model = randomModel(graph, seed);
      const samples = testSamples(graph, 6, head.classes, seed);
      const expected = evaluateWithTfjs(tf, model, samples.images);
      assertNear(await outputs(model, samples.images, samples.count), expected, what, 1e-5);
      const read = await readLayersModel(await writeLayersModel(model, join(folder, String(seed))));
      assert.deepEqual(read, model, what);

      const rows = classProbabilities(graph, expected, samples.count);
      const { losses } = await runEngine({ ...model, samples, loss: "tent" });
      assertNear(losses, [meanEntropy(rows)], what);
      const method = seed % 2 === 0 ? "tent" : "crossEntropy";
      const peer = tfjsGradients(graph, model.weights, samples, (last, labels) => {
        const logits = last.reshape([samples.count, elementsOf(last.shape) / samples.count]) as tf.Tensor2D;
        const isBinary = logits.shape[1] === 1;
        return tfjsLosses[method](isBinary ? tf.concat([tf.zerosLike(logits), logits], 1) : logits, labels);
      });
      const own = await engineGradients({ ...model, samples, loss: method });
      assertSameGradients(own.gradients, peer.gradients, 1e-3);
      await assertFeatures(model, samples, what);
    }
  }));

/** What the classifier reads, by its kernel, is what the logits are. */
async function assertFeatures({ graph, weights }: Model, samples: TestSamples, what: string): Promise<void> {
  const { classifier, classes } = headOf(graph);
  assert.ok(classifier !== undefined, what);
  const [kernel, bias] = ["kernel", "bias"].map((name) => weights.get(`${classifier}/${name}`)!);
  const { features, logits } = await withSession({ graph, weights, samples }, async (session) =>
    session.features(samples),
  );
  const outputs = bias!.length;
  const width = features.length / samples.count;
  const products = Float32Array.from(logits, (_, at) => {
    const [row, output] = [Math.floor(at / classes), (at % classes) - classes + outputs];
    if (output < 0) return 0;
    const own = features.subarray(row * width, (row + 1) * width);
    return own.reduce((sum, value, column) => sum + value * kernel![column * outputs + output]!, bias![output]!);
  });
  assertNear(logits, products, what, 1e-5);
}

/** A model of two classes by one sigmoid, and the same by a softmax of 0 and z. */
function twins(): readonly [binary: Model, two: Model] {
  const build = (outputs: number): ModelGraph => {
    const g = new GraphBuilder("twin", [4, 4, 2]);
    const map = g.activation(g.conv2d(g.input, { filters: 5, kernelSize: 3, useBias: true }, "conv"), "relu", "relu");
    const fc = g.dense(g.globalAvgPool(map, "pool"), outputs, "fc");
    return g.build(g.activation(fc, outputs === 1 ? "sigmoid" : "softmax", "end"));
  };
  const binary = randomModel(build(1), 3);
  const widened = [...binary.weights].map(([name, values]) => {
    const zeros = [...values].flatMap((value) => [0, value]);
    return [name, name.startsWith("fc/") ? Float32Array.from(zeros) : values] as const;
  });
  return [binary, { graph: build(2), weights: new Map(widened) }];
}

test("a sigmoid trains and is estimated as the softmax of 0 and z", async () => {
  const [binary, two] = twins();
  const samples = testSamples(binary.graph, 8, 2);
  for (const loss of METHOD_NAMES) {
    // The last layer is frozen, as SHOT does: a softmax's other column would train too.
    const config = { freezing: { featureExtraction: 0, normalisation: 0, linear: 1 } };
    const [one, other] = await Promise.all(
      [binary, two].map((model) => runEngine({ ...model, samples, loss, config, steps: 5 })),
    );
    assertNear(one!.losses, other!.losses, loss, 1e-5);
    assertNear(one!.weights.get("conv/kernel")!, other!.weights.get("conv/kernel")!, loss, 1e-5);
  }
  const [one, other] = await Promise.all(
    [binary, two].map(({ graph, weights }) =>
      withSession({ graph, weights, samples }, async (session) => {
        const { features, logits } = session.features(samples);
        const estimate = { runs: 3, seed: 1 };
        return { logits, runs: headDropout(graph, weights, { features, count: samples.count }, estimate) };
      }),
    ),
  );
  assertNear(one!.logits, other!.logits, "logits", 1e-6);
  assert.deepEqual(one!.runs, other!.runs);
});
