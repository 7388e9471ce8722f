import "../../test-support/quiet-tensorflow.ts";
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { testSamples } from "../../test-support/engine-run.ts";
import { evaluateModel } from "../../test-support/evaluate-model.ts";
import { everythingGraph, randomModel, withFolder } from "../../test-support/layers-format-testing.ts";
import type { Model } from "../model-graph.ts";
import { withEvenPads } from "../safetensors/even-pads.ts";
import { buildModel, MODEL_NAMES } from "../zoo/build-model.ts";
import { readLayersModel } from "./read-layers-model.ts";
import { writeKerasFile } from "./write-keras-file.ts";

const CASES = fileURLToPath(new URL("../../../cases/models/", import.meta.url));
const TOLERANCE = 1e-4;

/** Real Keras reads these too: `packages/lab/peers/keras_written.py`. */
async function assertKept(model: Model): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "model.keras");
    await writeKerasFile(model, path);
    const again = await readLayersModel(path);
    const { images } = testSamples(model.graph, 3, 2);
    const [expected, found] = [await evaluateModel(model, images), await evaluateModel(again, images)];
    assert.equal(found.length, expected.length);
    for (let at = 0; at < expected.length; at++) {
      const distance = Math.abs(found[at]! - expected[at]!);
      assert.ok(distance <= TOLERANCE, `element ${at} is ${found[at]}, not ${expected[at]}`);
    }
  });
}

test("a .keras file of every kind of operation is read as it was", () => assertKept(randomModel(everythingGraph(), 2)));

for (const model of MODEL_NAMES.filter((name) => !name.includes("vit") && !name.startsWith("deit"))) {
  test(`a .keras file of ${model} is read as it was`, () =>
    assertKept(randomModel(buildModel({ model, norm: "batch", inputShape: [32, 32, 3], classes: 4 }), 3)));
}

test("windows of uneven edges are kept, and what Keras has no layer for is refused", async () => {
  const built = buildModel({ model: "resnet50", norm: "batch", inputShape: [64, 64, 3], classes: 4, form: "imagenet" });
  await assertKept(randomModel(withEvenPads(built), 3));
  const graph = buildModel({ model: "vit-tiny", norm: "batch", inputShape: [32, 32, 3], classes: 4 });
  await withFolder(async (folder) => {
    const writing = writeKerasFile(randomModel(graph, 1), join(folder, "model.keras"));
    await assert.rejects(writing, { code: "unsupported", message: /Keras has no layer for "\w+" \(classToken\)/ });
  });
});

for (const name of readdirSync(CASES)) {
  test(`what Keras saved as ${name} is kept in a .keras file`, async () => {
    const file = readdirSync(join(CASES, name)).find((entry) => /\.(h5|keras)$/.test(entry)) ?? "";
    await assertKept(await readLayersModel(join(CASES, name, file)));
  });
}
