import "../../test-support/quiet-tensorflow.ts";
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readNpy } from "@mpo/datasets";
import * as tf from "@tensorflow/tfjs-node";
import { outputsOf } from "../../adaptation/probabilities.ts";
import { compileProgram } from "../../compiler/compile-program.ts";
import { ProgramSession } from "../../session/program-session.ts";
import { withStagedWeights } from "../../session/stage-weights.ts";
import { inputShapeOf } from "../../test-support/engine-run.ts";
import { withFolder } from "../../test-support/layers-format-testing.ts";
import { loadWithTfjs } from "../../test-support/load-with-tfjs.ts";
import type { Model } from "../model-graph.ts";
import { headOf } from "../model-head.ts";
import { withInputForm } from "../stated-input.ts";
import { readLayersModel } from "./read-layers-model.ts";
import { writeLayersModel } from "./write-layers-model.ts";

/**
 * Models as Keras and its converters write them (a folder, an `.h5` or a `.keras` file), each with inputs and what Keras'
 * own `predict` gives for them. Larger ones, such as Keras' own applications, are made by
 * `packages/lab/peers/keras_applications.py` and tried with `MPO_KERAS_CASES`.
 */
const CASES = process.env["MPO_KERAS_CASES"] ?? fileURLToPath(new URL("../../../cases/models/", import.meta.url));
const TOLERANCE = 1e-4;

for (const name of readdirSync(CASES)) {
  test(`${name}: the engine computes what Keras does, again after an export, and stock TensorFlow.js too`, () =>
    withFolder(async (folder) => {
      const [images, expected] = await Promise.all([
        readNpy(join(CASES, name, "x.npy")),
        readNpy(join(CASES, name, "y.npy")),
      ]);
      const x = Float32Array.from(images.data);
      const file = readdirSync(join(CASES, name)).find((entry) => /\.(h5|keras)$/.test(entry));
      const model = await readLayersModel(join(CASES, name, file ?? ""));
      assertClose(await evaluate(model, x), expected.data, "as read");
      const written = await writeLayersModel(model, folder);
      assertClose(await evaluate(await readLayersModel(written), x), expected.data, "written and read again");
      const peer = await loadWithTfjs(tf, written);
      const y = tf.tidy(() => (peer.predict(tf.tensor(x, [...images.shape])) as tf.Tensor).dataSync() as Float32Array);
      peer.dispose();
      assertClose(y, expected.data, "in stock TensorFlow.js");
    }));
}

/** The engine's own evaluation of what the model itself gets; its logits become probabilities where the model ends in a softmax. */
async function evaluate(model: Model, images: Float32Array): Promise<ArrayLike<number>> {
  const { weights } = model;
  const graph = withInputForm(model.graph, { range: "unit" });
  const folder = mkdtempSync(join(tmpdir(), "mpo-cases-"));
  const session = new ProgramSession(compileProgram({ graph }), folder);
  try {
    await withStagedWeights(graph, weights, folder, async (staged) => session.assignFrom(staged));
    const count = images.length / inputShapeOf(graph).reduce((product, extent) => product * extent, 1);
    return outputsOf(headOf(graph), session.logits({ images, count }), count);
  } finally {
    session.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, when: string): void {
  assert.equal(actual.length, expected.length, when);
  for (let index = 0; index < actual.length; index++) {
    const distance = Math.abs(actual[index]! - expected[index]!);
    assert.ok(distance <= TOLERANCE, `${when}: element ${index} is ${actual[index]}, not ${expected[index]}`);
  }
}
