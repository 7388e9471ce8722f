import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import { zipSync } from "fflate";
import { withFolder } from "../../test-support/layers-format-testing.ts";
import { readLayersModel } from "./read-layers-model.ts";

const GRAPH = { format: "graph-model", modelTopology: { node: [], versions: {} }, weightsManifest: [] };
const ZIP = Buffer.from(zipSync({ "model.json": new Uint8Array(3) })).toString("latin1");
const STRUCTURE = { class_name: "Sequential", config: { layers: [] } };

/** A file, what `--weights` names (the file itself, or its folder), and what is said of it. */
const FILES: readonly (readonly [path: string, content: string, given: string, message: RegExp, hint: RegExp])[] = [
  [
    "m/model.json",
    JSON.stringify(GRAPH),
    "m",
    /model\.json: this is a TensorFlow\.js graph model$/,
    /Give the \.keras or \.h5 file/,
  ],
  ["m/model.json", JSON.stringify(STRUCTURE), "m", /this is the structure of a Keras model without/, /model\.save/],
  [
    "m.tflite",
    "\x1c\0\0\0TFL3\x14\0",
    "m.tflite",
    /m\.tflite: this is a TensorFlow Lite model$/,
    /Give the \.keras or \.h5 file/,
  ],
  [
    "m/a.tflite",
    "\x1c\0\0\0TFL3\x14\0",
    "m",
    /a\.tflite: this is a TensorFlow Lite model$/,
    /Give the \.keras or \.h5 file/,
  ],
  ["m/saved_model.pb", "\x08\x01\x12", "m", /this is a TensorFlow SavedModel$/, /=keras_saved_model/],
  ["m.onnx", "\x08\x07", "m.onnx", /this is an ONNX model$/, /whole name/],
  ["m.pt", "PK\x03\x04", "m.pt", /this is a PyTorch file$/, /torch\.onnx\.export/],
  ["m.zip", ZIP, "m.zip", /this is a zip archive, but not/, /unzip/],
  ["m/a.zip", ZIP, "m", /a\.zip: this is a zip archive, but not/, /unzip/],
  ["m.keras", "", "m.keras", /this is an empty file$/, /Copy/],
  ["m.h5", "version https://git-lfs.github.com/spec/v1\n", "m.h5", /this is a pointer of Git LFS/, /git lfs pull/],
  ["m.h5", "<!DOCTYPE html>", "m.h5", /this is not a model of a known format$/, /\.keras/],
  ["model.json", '{"a": 1}', "model.json", /this is not a model of a known format$/, /model\.json/],
  ["model.json", "\x7fELF\x02\0\x1b[31m", "model.json", /this is not a model of a known format$/, /model\.json/],
];

for (const [path, content, given, message, hint] of FILES) {
  void test(`${path} is named as what it is: ${message.source}`, () =>
    withFolder(async (folder) => {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), Buffer.from(content, "latin1"));
      await assert.rejects(readLayersModel(join(folder, given)), (error) => {
        assert.ok(error instanceof MpoError);
        assert.equal(error.code, "unsupported");
        assert.match(error.message, message);
        assert.match(error.hint ?? "", hint);
        return true;
      });
    }));
}

void test("of text that is not JSON, nothing is repeated", () =>
  withFolder(async (folder) => {
    const path = join(folder, "model.json");
    await writeFile(path, "\x1b[31mred");
    await assert.rejects(readLayersModel(path), { code: "invalid-data", message: `${path}: is not valid JSON` });
  }));
