import assert from "node:assert/strict";
import { readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { halfToNumber, numberToHalf } from "@mpo/core";
import { everythingGraph, randomModel, tokensGraph, withFolder } from "../../test-support/layers-format-testing.ts";
import { GraphBuilder } from "../graph-builder.ts";
import type { Model, ModelWeights } from "../model-graph.ts";
import { buildModel } from "../zoo/build-model.ts";
import { readLayersModel } from "./read-layers-model.ts";
import { writeLayersModel } from "./write-layers-model.ts";

/** Compares bytes: `deepEqual` takes seconds for a million numbers. */
function assertSameWeights(actual: ModelWeights, expected: ModelWeights): void {
  assert.deepEqual([...actual.keys()].sort(), [...expected.keys()].sort());
  for (const [name, values] of expected) {
    const [left, right] = [actual.get(name) ?? new Float32Array(), values].map((array) => Buffer.from(array.buffer));
    assert.ok(left && right && left.equals(right), `weight "${name}" differs`);
  }
}

const ROUND_TRIPS = [
  ["every operation of CNNs", everythingGraph()],
  ["every operation of transformers", tokensGraph()],
  ["vit-tiny", buildModel({ model: "vit-tiny", norm: "batch", inputShape: [32, 32, 3], classes: 10 })],
  ["mobilevit-xxs", buildModel({ model: "mobilevit-xxs", norm: "group", inputShape: [28, 28, 1], classes: 10 })],
  ["resnet20", buildModel({ model: "resnet20", norm: "group", inputShape: [32, 32, 3], classes: 10 })],
  ["mobilenet-v2", buildModel({ model: "mobilenet-v2", norm: "batch", inputShape: [28, 28, 1], classes: 10 })],
  [
    "mobilenet-v3-small",
    buildModel({ model: "mobilenet-v3-small", norm: "batch", inputShape: [32, 32, 3], classes: 5 }),
  ],
] as const;

interface LayerConfig {
  readonly class_name: string;
  readonly config: object;
}

for (const [name, graph] of ROUND_TRIPS) {
  void test(`${name} comes back from its files as it was`, () =>
    withFolder(async (folder) => {
      const model = randomModel(graph, 5);
      const read = await readLayersModel(await writeLayersModel(model, join(folder, "new", "model")));
      assert.deepEqual(read.graph, model.graph);
      assert.equal(JSON.stringify(read.graph), JSON.stringify(model.graph));
      assertSameWeights(read.weights, model.weights);
    }));
}

void test("an input says nothing that Keras' Model.from_config refuses", () =>
  withFolder(async (folder) => {
    const path = await writeLayersModel(randomModel(everythingGraph(), 1), folder);
    const stored = JSON.parse(await readFile(path, "utf8")) as { modelTopology: { config: { layers: LayerConfig[] } } };
    const input = stored.modelTopology.config.layers.find(({ class_name }) => class_name === "InputLayer");
    assert.deepEqual(Object.keys(input?.config ?? {}), ["name", "batch_input_shape", "dtype", "sparse"]);
  }));

void test("weights are cut into files of 4 MiB", () =>
  withFolder(async (folder) => {
    const g = new GraphBuilder("wide", [1500]);
    const model = randomModel(g.build(g.dense(g.input, 1500, "logits")), 1);
    const path = await writeLayersModel(model, folder);
    const shards = (await readdir(folder)).filter((name) => name.endsWith(".bin"));
    assert.equal(shards.length, 3);
    assertSameWeights((await readLayersModel(path)).weights, model.weights);
  }));

void test("weights in half precision take half the files, and come back as the nearest numbers of 16 bits", () =>
  withFolder(async (folder) => {
    const g = new GraphBuilder("wide", [1500]);
    const model = randomModel(g.build(g.dense(g.input, 1500, "logits")), 1);
    const path = await writeLayersModel(model, folder, { precision: "half" });
    assert.equal((await readdir(folder)).filter((name) => name.endsWith(".bin")).length, 2);
    const { weights } = await readLayersModel(path);
    const rounded = [...model.weights].map(
      ([name, values]) => [name, values.map((one) => halfToNumber(numberToHalf(one)))] as const,
    );
    assertSameWeights(weights, new Map(rounded));
    await writeLayersModel({ ...model, weights }, folder, { precision: "half" });
    assertSameWeights((await readLayersModel(path)).weights, weights);
    const [[name, values]] = model.weights as unknown as [[string, Float32Array]];
    values[7] = -70_000;
    await assert.rejects(writeLayersModel(model, folder, { precision: "half" }), {
      ...{ code: "invalid-data", message: /half precision ends at 65504/u },
    });
    assert.ok(name && (await readLayersModel(path)).weights.size > 0, "the one before stays");
  }));

void test("a model replaces an older one and leaves other files alone", () =>
  withFolder(async (folder) => {
    const [older, newer] = [1, 2].map((seed) => randomModel(everythingGraph(), seed)) as [Model, Model];
    await writeFile(join(folder, "notes.txt"), "kept");
    const path = await writeLayersModel(older, folder);
    await writeLayersModel(newer, folder);
    assert.deepEqual((await readLayersModel(path)).weights.get("grouped/kernel"), newer.weights.get("grouped/kernel"));
    const names = await readdir(folder);
    assert.deepEqual(names.map((name) => name.replace(/-[0-9a-f]{16}/, "")).sort(), [
      "model.json",
      "notes.txt",
      "weights-1of1.bin",
    ]);
    await writeLayersModel(newer, folder);
    assert.deepEqual(await readdir(folder), names);
  }));

void test("a cancelled write leaves the older model whole and nothing else", () =>
  withFolder(async (folder) => {
    const path = await writeLayersModel(randomModel(everythingGraph(), 1), folder);
    const before = await readdir(folder);
    const abort = new AbortController();
    const writing = writeLayersModel(randomModel(everythingGraph(), 2), folder, { signal: abort.signal });
    abort.abort();
    await assert.rejects(writing, { code: "cancelled" });
    assert.deepEqual(await readdir(folder), before);
    await readLayersModel(path);
    await assert.rejects(readLayersModel(path, { signal: abort.signal }), { code: "cancelled" });
  }));

void test("weights that do not fit or are not finite are not written", () =>
  withFolder(async (folder) => {
    const model = randomModel(everythingGraph(), 1);
    const changed = (name: string, values: Float32Array | undefined): Model => {
      const weights = new Map(model.weights);
      if (values === undefined) weights.delete(name);
      else weights.set(name, values);
      return { ...model, weights };
    };
    const refused = (bad: Model, code: string, message: RegExp): Promise<void> =>
      assert.rejects(writeLayersModel(bad, folder), { code, message });
    await refused(changed("logits/bias", undefined), "invalid-argument", /"logits\/bias" has no values; expected 3/);
    await refused(changed("logits/bias", new Float32Array(2)), "invalid-argument", /has 2 values; expected 3/);
    await refused(changed("other/bias", new Float32Array(2)), "invalid-argument", /"other\/bias" that no node has/);
    await refused(changed("logits/bias", new Float32Array([0, Number.NaN, 0])), "invalid-data", /is NaN at element 1/);
    assert.deepEqual(await readdir(folder), []);
  }));

/** How a file of an exported model is damaged, and what reading it must say. */
const DAMAGES: readonly (readonly [string, (files: Files) => Promise<void>, string, RegExp])[] = [
  ["a missing model", (files) => rm(files.json), "not-found", /model\.json/],
  ["a missing shard", (files) => rm(files.shard), "not-found", /weights-1of1/],
  [
    "a shard cut off",
    (files) => truncate(files.shard, 100),
    "invalid-data",
    /weights-1of1-\w+\.bin ends too early, at byte 100: the weights need \d+ bytes/,
  ],
  ["a shard too long", (files) => truncate(files.shard, 100_000), "invalid-data", /is too long, at byte 100000/],
  ["a changed byte", (files) => changeByte(files.shard), "invalid-data", /its content has the hash/],
  [
    "text that is not valid JSON",
    (files) => writeFile(files.json, "{"),
    "invalid-data",
    /model\.json: is not valid JSON, at position 1$/,
  ],
  ["JSON of something else", (files) => writeFile(files.json, "[]"), "invalid-data", /model\.json: at the top/],
  [
    "a wrong shape",
    edit('"shape":[6,3]', '"shape":[3,6]'),
    "invalid-data",
    /"logits\/kernel" has shape \[3,6\]; expected \[6,3\]/,
  ],
  [
    "a missing weight",
    edit('"name":"logits/kernel"', '"name":"logits/lost"'),
    "invalid-data",
    /no weight "logits\/kernel"; the model needs it, of shape \[6,3\]/,
  ],
  [
    "a weight twice",
    edit('"name":"hidden/kernel"', '"name":"logits/kernel"'),
    "invalid-data",
    /"logits\/kernel" twice/,
  ],
  ["a shard elsewhere", edit('"paths":["', '"paths":["../'), "invalid-data", /expected a file in this folder/],
  [
    "an unknown layer",
    edit('"class_name":"Dropout"', '"class_name":"LSTM"'),
    "unsupported",
    /layer "drop" \(LSTM\): layers of class LSTM are not supported; supported are InputLayer, Conv2D/,
  ],
  [
    "an unknown activation",
    edit('"activation":"swish"', '"activation":"erf"'),
    "unsupported",
    /"swish" \(Activation\): activation "erf" is not supported; supported are linear/,
  ],
  [
    "an unknown setting",
    edit('"data_format":"channels_last"', '"data_format":"channels_first"'),
    "unsupported",
    /layer "grouped" \(Conv2D\): data_format is "channels_first"/,
  ],
  ["an axis", edit('"axis":-1', '"axis":1'), "unsupported", /axis is 1; expected the last/],
  [
    "an input of any size",
    edit("[null,10,9,4]", "[null,null,9,4]"),
    "unsupported",
    /has the shape \[null,null,9,4\]; expected/,
  ],
  [
    "a cycle",
    edit('[["images",0,0,{}]]', '[["max",0,0,{}]]'),
    "invalid-data",
    /"grouped" reads "max", which is not an earlier layer/,
  ],
  [
    "two outputs",
    edit('"output_layers":[[', '"output_layers":[["add",0,0],['),
    "unsupported",
    /has 2 outputs; expected one/,
  ],
  [
    "another class",
    edit('"class_name":"Model"', '"class_name":"Graph"'),
    "unsupported",
    /of class "Graph"; expected Sequential/,
  ],
  [
    "a layer that does not fit",
    edit('"filters":8', '"filters":7'),
    "unsupported",
    /layer "grouped" \(Conv2D\): node "grouped" \(conv2d\) has 2 groups/,
  ],
  ["strange metadata", edit('"version":1', '"version":2'), "invalid-data", /userDefinedMetadata\.mpo\.version/],
];

interface Files {
  readonly json: string;
  readonly shard: string;
}

for (const [what, damage, code, message] of DAMAGES) {
  void test(`${what} is reported`, () =>
    withFolder(async (folder) => {
      const json = await writeLayersModel(randomModel(everythingGraph(), 1), folder);
      const shard = (await readdir(folder)).find((name) => name.endsWith(".bin")) ?? "";
      await damage({ json, shard: join(folder, shard) });
      await assert.rejects(readLayersModel(json), { name: "MpoError", code, message });
    }));
}

function edit(from: string, to: string): (files: Files) => Promise<void> {
  return async ({ json }) => {
    const text = await readFile(json, "utf8");
    assert.ok(text.includes(from), `the model has no ${from}`);
    await writeFile(json, text.replace(from, to));
  };
}

async function changeByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(50) ^ 1, 50);
  await writeFile(path, bytes);
}

/** A converted Keras model as its converter writes it: nested configuration, no hashes, one weight file. */
async function writeKerasModel(folder: string, values: readonly number[], change: object = {}): Promise<string> {
  const path = join(folder, "model.json");
  const dense = { name: "fc", units: 2, activation: "softmax", use_bias: true, batch_input_shape: [null, 2, 1] };
  const layers = [
    { class_name: "Reshape", config: { name: "flat", target_shape: [-1], batch_input_shape: [null, 2, 1] } },
    { class_name: "Dense", config: dense },
  ];
  const weights = [
    { name: "fc/cell/kernel", shape: [2, 2], dtype: "float32" },
    { name: "fc/cell/bias", shape: [2], dtype: "float32", ...change },
  ];
  const model_config = { class_name: "Sequential", config: { name: "tiny", layers } };
  const modelTopology = { keras_version: "2.9.0", backend: "tensorflow", model_config };
  await writeFile(path, JSON.stringify({ modelTopology, weightsManifest: [{ paths: ["a.bin", "b.bin"], weights }] }));
  const bytes = new Uint8Array(new Float32Array(values).buffer);
  await writeFile(join(folder, "a.bin"), bytes.subarray(0, 6));
  await writeFile(join(folder, "b.bin"), bytes.subarray(6));
  return path;
}

void test("a converted Keras model is read", () =>
  withFolder(async (folder) => {
    const { graph, weights } = await readLayersModel(await writeKerasModel(folder, [1, 2, 3, 4, 5, 6]));
    assert.deepEqual(
      graph.nodes.map(({ name, kind }) => [name, kind]),
      [
        ["flat_input", "input"],
        ["flat", "reshape"],
        ["fc", "dense"],
        ["fc_activation", "activation"],
      ],
    );
    assert.deepEqual([...(weights.get("fc/kernel") ?? [])], [1, 2, 3, 4]);
    assert.deepEqual([...(weights.get("fc/bias") ?? [])], [5, 6]);
  }));

void test("a manifest may name its files as parts of a URL", () =>
  withFolder(async (folder) => {
    const path = await writeKerasModel(folder, [1, 2, 3, 4, 5, 6]);
    const expected = await readLayersModel(path);
    await rename(join(folder, "a.bin"), join(folder, "my 100% ü.bin"));
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace("a.bin", "./my%20100%25%20%C3%BC.bin"));
    assertSameWeights((await readLayersModel(path)).weights, expected.weights);
    await writeFile(path, text.replace("a.bin", "..%2Fa.bin"));
    await assert.rejects(readLayersModel(path), { code: "invalid-data", message: /expected a file in this folder/ });
  }));

void test("weights are found by Keras' own places, which count the layers of a class in the model", () =>
  withFolder(async (folder) => {
    const path = await writeKerasModel(folder, [1, 2, 3, 4, 5, 6]);
    const text = await readFile(path, "utf8");
    await writeFile(
      path,
      text.replace("fc/cell/kernel", "layers/dense/vars/0").replace("fc/cell/bias", "layers/dense/vars/1"),
    );
    const { weights } = await readLayersModel(path);
    assert.deepEqual([...(weights.get("fc/kernel") ?? [])], [1, 2, 3, 4]);
    assert.deepEqual([...(weights.get("fc/bias") ?? [])], [5, 6]);
  }));

void test("a topology that was saved as text is read", () =>
  withFolder(async (folder) => {
    const path = await writeKerasModel(folder, [1, 2, 3, 4, 5, 6]);
    const expected = await readLayersModel(path);
    const json = JSON.parse(await readFile(path, "utf8")) as { modelTopology: { model_config: unknown } };
    const config = JSON.stringify(json.modelTopology.model_config);
    const inner = {
      ...json.modelTopology,
      model_config: config.replace(/"units":(\d+)/, '"units":{"type":"ndarray","value":$1}'),
    };
    for (const modelTopology of [JSON.stringify(json.modelTopology), inner]) {
      await writeFile(path, JSON.stringify({ ...json, modelTopology }));
      assert.deepEqual((await readLayersModel(path)).graph, expected.graph);
    }
    await writeFile(path, JSON.stringify({ ...json, modelTopology: "model" }));
    await assert.rejects(readLayersModel(path), { code: "invalid-data", message: /at modelTopology/ });
  }));

void test("a number that is not finite is reported with its place", () =>
  withFolder(async (folder) => {
    const path = await writeKerasModel(folder, [1, 2, 3, 4, 5, Number.NaN]);
    await assert.rejects(readLayersModel(path), {
      code: "invalid-data",
      message: /weight "fc\/cell\/bias", which begins at byte 10 of .*b\.bin, is NaN at element 1; expected finite/,
    });
  }));

void test("a weight of no layer is reported", () =>
  withFolder(async (folder) => {
    const path = await writeKerasModel(folder, [1, 2, 3, 4, 5, 6], { name: "gone/bias" });
    await assert.rejects(readLayersModel(path), { code: "invalid-data", message: /no weight "fc\/bias"/ });
  }));
