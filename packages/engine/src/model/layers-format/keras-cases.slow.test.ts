import "../../test-support/quiet-tensorflow.ts";
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readNpy } from "@mpo/datasets";
import * as tf from "@tensorflow/tfjs-node";
import { evaluateModel } from "../../test-support/evaluate-model.ts";
import { withFolder } from "../../test-support/layers-format-testing.ts";
import { loadWithTfjs } from "../../test-support/load-with-tfjs.ts";
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
      assertClose(await evaluateModel(model, x), expected.data, "as read");
      const written = await writeLayersModel(model, folder);
      assertClose(await evaluateModel(await readLayersModel(written), x), expected.data, "written and read again");
      const peer = await loadWithTfjs(tf, written);
      const y = tf.tidy(() => (peer.predict(tf.tensor(x, [...images.shape])) as tf.Tensor).dataSync() as Float32Array);
      peer.dispose();
      assertClose(y, expected.data, "in stock TensorFlow.js");
    }));
}

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, when: string): void {
  assert.equal(actual.length, expected.length, when);
  for (let index = 0; index < actual.length; index++) {
    const distance = Math.abs(actual[index]! - expected[index]!);
    assert.ok(distance <= TOLERANCE, `${when}: element ${index} is ${actual[index]}, not ${expected[index]}`);
  }
}
