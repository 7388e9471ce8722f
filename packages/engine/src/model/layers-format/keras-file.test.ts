import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { unzipSync, zipSync } from "fflate";
import { withFolder } from "../../test-support/layers-format-testing.ts";
import { readLayersModel } from "./read-layers-model.ts";

/** One model as Keras 2.15 saves it in its two formats. */
const H5 = fileURLToPath(new URL("../../../cases/files/model.h5", import.meta.url));
const KERAS = fileURLToPath(new URL("../../../cases/files/model.keras", import.meta.url));
/** Where the kernel of the convolution lies in the .h5 file. */
const KERNEL_OFFSET = 9336;

void test("an .h5 and a .keras file give the same model, also by their folder", () =>
  withFolder(async (folder) => {
    const [h5, keras] = await Promise.all([readLayersModel(H5), readLayersModel(KERAS)]);
    assert.deepEqual(keras, h5);
    assert.deepEqual(
      h5.graph.nodes.map(({ kind }) => kind),
      ["input", "conv2d", "globalAvgPool", "dense"],
    );
    const bytes = (await readFile(H5)).subarray(KERNEL_OFFSET, KERNEL_OFFSET + 3 * 3 * 3 * 4 * 4);
    assert.deepEqual(h5.weights.get("conv2d/kernel"), new Float32Array(new Uint8Array(bytes).buffer));
    await copyFile(KERAS, join(folder, "model.keras"));
    assert.deepEqual(await readLayersModel(folder), h5);
  }));

void test("of several models in a folder, none is taken for the one that is meant", () =>
  withFolder(async (folder) => {
    await copyFile(H5, join(folder, "last.h5"));
    await writeFile(join(folder, "last.weights.h5"), "");
    await readLayersModel(folder);
    await copyFile(KERAS, join(folder, "best.keras"));
    const message = `${folder}: which of best.keras, last.h5? Name the file itself`;
    await assert.rejects(readLayersModel(folder), { code: "invalid-argument", message });
  }));

void test("a .keras file's weights go by the layers' classes, whatever the layers are called", () =>
  withFolder(async (folder) => {
    const parts = unzipSync(await readFile(KERAS));
    const config = Buffer.from(parts["config.json"]!)
      .toString()
      .replace('"conv2d"', '"first"')
      .replace('"dense"', '"logits"');
    const path = join(folder, "renamed.keras");
    await writeFile(path, zipSync({ ...parts, "config.json": Buffer.from(config) }));
    const [renamed, model] = await Promise.all([readLayersModel(path), readLayersModel(KERAS)]);
    assert.deepEqual(renamed.weights.get("first/kernel"), model.weights.get("conv2d/kernel"));
    assert.deepEqual(renamed.weights.get("logits/bias"), model.weights.get("dense/bias"));
  }));

for (const [name, source] of [
  ["model.h5", H5],
  ["model.keras", KERAS],
] as const) {
  void test(`${name} cut off anywhere is reported as damaged`, () =>
    withFolder(async (folder) => {
      const whole = await readFile(source);
      const path = join(folder, name);
      for (const share of [0.1, 0.5, 0.9]) {
        await writeFile(path, whole.subarray(0, Math.floor(share * whole.length)));
        const message = `${path}: is damaged, or has HDF5 content that Keras does not write`;
        await assert.rejects(readLayersModel(path), { code: "invalid-data", message });
      }
    }));
}

void test("a file of weights alone is named so", () =>
  withFolder(async (folder) => {
    const weights = unzipSync(await readFile(KERAS))["model.weights.h5"]!;
    const path = join(folder, "model.weights.h5");
    await writeFile(path, weights);
    await assert.rejects(readLayersModel(path), {
      code: "unsupported",
      message: /the weights of a Keras model without/,
    });
  }));
