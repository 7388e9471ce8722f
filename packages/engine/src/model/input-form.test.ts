import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type InputForm, MODEL_CARD_FILE, readPictureForm } from "@mpo/datasets";
import { graphDigest } from "../probe/graph-digest.ts";
import { withFolder } from "../test-support/layers-format-testing.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { toModelInput } from "./input-form.ts";
import { readLayersModel } from "./layers-format/read-layers-model.ts";
import { writeLayersModel } from "./layers-format/write-layers-model.ts";
import { inputOf, pictureFormOf, preparedForm, withInputForm } from "./stated-input.ts";
import { initialWeights } from "./variables.ts";
import { buildModel } from "./zoo/build-model.ts";

const graph = buildModel({ model: "resnet20", norm: "batch", inputShape: [8, 8, 3], classes: 4 });

function prepared(form: InputForm | undefined, images: readonly number[]): readonly number[] {
  const found = toModelInput(Float32Array.from(images), inputOf(withInputForm(graph, form)), () => new Float32Array(3));
  return [...found].map((value) => Number(value.toFixed(3)));
}

void test("each range, order and normalisation is what it says", () => {
  const pixel = [0, 0.5, 1];
  assert.deepEqual(prepared(undefined, pixel), pixel);
  assert.deepEqual(prepared({ range: "unit" }, pixel), pixel);
  assert.deepEqual(prepared({ range: "symmetric" }, pixel), [-1, 0, 1]);
  assert.deepEqual(prepared({ range: "bytes" }, pixel), [0, 127.5, 255]);
  assert.deepEqual(prepared({ range: "unit", order: "bgr" }, pixel), [1, 0.5, 0]);
  assert.deepEqual(prepared({ range: { mean: [0.5], deviation: [0.25] } }, pixel), [-2, 0, 2]);
  // As Keras does for ResNet50: BGR of 0..255, less the means of blue, green and red.
  const mean = [103.939, 116.779, 123.68].map((value) => value / 255);
  const caffe = { range: { mean, deviation: [1 / 255] }, order: "bgr" } as const;
  assert.deepEqual(prepared(caffe, pixel), [151.061, 10.721, -123.68]);
});

void test("a model of [height, width] takes grey images, one of features none", () => {
  const taken = (...shape: number[]) =>
    pictureFormOf({ name: "m", nodes: [{ name: "x", kind: "input", inputs: [], attributes: { shape } }], output: "x" });
  assert.deepEqual(taken(24, 32, 3), { height: 24, width: 32, channels: 3, fit: undefined, filter: undefined });
  assert.deepEqual(taken(28, 28), { height: 28, width: 28, channels: 1, fit: undefined, filter: undefined });
  assert.equal(taken(784), undefined);
});

void test("a statement that does not fit the model's channels is refused", () => {
  const grey = buildModel({ model: "resnet20", norm: "batch", inputShape: [8, 8, 1], classes: 4 });
  for (const form of [{ range: { mean: [0.4, 0.5, 0.6], deviation: [1] } }, { range: "unit", order: "bgr" }] as const) {
    assert.throws(() => withInputForm(grey, form), { code: "invalid-argument", message: /takes 1 channels/ });
  }
});

void test("what a card states, however little, is part of the model that is read, but not of its digest", () =>
  withFolder(async (folder) => {
    const file = await writeLayersModel({ graph, weights: initialWeights(graph, 1) }, folder);
    const card = (value: unknown): Promise<void> => writeFile(join(folder, MODEL_CARD_FILE), JSON.stringify(value));
    await card({ input: { range: "bytes", order: "bgr", fit: "crop", filter: "nearest" } });
    const read = await readLayersModel(file);
    assert.deepEqual(inputOf(read.graph).form, {
      ...{ range: "bytes", order: "bgr", fit: "crop", filter: "nearest" },
    });
    assert.equal(graphDigest(read.graph), graphDigest(graph));
    await card({ inputShape: [8, 8, 3] });
    const metadata = JSON.stringify({ packageName: "@teachablemachine/image", labels: ["a", "b"] });
    await writeFile(join(folder, "metadata.json"), metadata);
    const stated = (await readLayersModel(file)).graph;
    const machine = inputOf(stated).form;
    assert.equal(machine?.fit, "crop");
    assert.deepEqual(await readPictureForm(folder), pictureFormOf(stated), "without the model too");
    assert.deepEqual(prepared(machine, [0, 127 / 255, 254 / 255]), [-1, 0, 1]);
    for (const input of [{ range: "symetric" }, { range: "unit", Order: "bgr" }, { order: "bgr" }]) {
      await card({ input });
      await assert.rejects(readLayersModel(file), { code: "invalid-data", message: /model-card\.json: at input/ });
    }
  }));

for (const [what, nodes, range] of [
  ["Rescaling(1/255)", [[[1 / 255], [0]]], "bytes"],
  ["Rescaling(1/127.5, -1)", [[[1 / 127.5], [-1]]], "bytes"],
  ["Rescaling(2, -1)", [[[2], [-1]]], "unit"],
  [
    "a Normalization of 0..1",
    [
      [
        [4.4, 4.5, 4.4],
        [-2.1, -2, -1.8],
      ],
    ],
    "unit",
  ],
  [
    "a Rescaling and a Normalization, as in EfficientNet",
    [
      [[1 / 255], [0]],
      [
        [4.4, 4.5, 4.4],
        [-2.1, -2, -1.8],
      ],
    ],
    "bytes",
  ],
  ["means of bytes alone", [[[1], [-103.9, -116.8, -123.7]]], "bytes"],
] as const) {
  void test(`a model that begins with ${what} takes ${range}`, () => {
    const g = new GraphBuilder("prepared", [8, 8, 3]);
    const affine = (x: string, [scale, offset]: readonly (readonly number[])[], at: number): string =>
      g.append("affine", [x], { scale: scale!, offset: offset! }, `affine${at}`);
    const last = (nodes as readonly (readonly (readonly number[])[])[]).reduce(affine, g.input);
    assert.deepEqual(preparedForm(g.build(g.dense(g.globalAvgPool(last, "pool"), 2, "logits"))), { range });
    assert.equal(preparedForm(graph), undefined);
  });
}
