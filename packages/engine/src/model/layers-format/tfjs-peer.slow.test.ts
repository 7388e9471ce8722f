import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createRandom } from "@mpo/datasets";
import * as tf from "@tensorflow/tfjs-node";
import { softmaxRows } from "../../adaptation/probabilities.ts";
import { evaluateWithTfjs } from "../../test-support/evaluate-with-tfjs.ts";
import { everythingGraph, randomModel, withFolder } from "../../test-support/layers-format-testing.ts";
import { loadWithTfjs } from "../../test-support/load-with-tfjs.ts";
import { elementsOf, type ModelGraph } from "../model-graph.ts";
import { buildModel } from "../zoo/build-model.ts";
import { readLayersModel } from "./read-layers-model.ts";
import { writeLayersModel } from "./write-layers-model.ts";

const SAMPLES = 3;

function imagesFor(shape: readonly number[]): Float32Array {
  const random = createRandom(11);
  return Float32Array.from({ length: SAMPLES * elementsOf(shape) }, () => random.gaussian());
}

function predict(model: tf.LayersModel, images: Float32Array, shape: readonly number[]): Float32Array {
  return tf.tidy(() => {
    const batch = tf.tensor(images, [SAMPLES, ...shape]);
    return (model.predict(batch) as tf.Tensor).dataSync() as Float32Array;
  });
}

function assertClose(actual: Float32Array, expected: Float32Array, tolerance = 1e-5): void {
  assert.equal(actual.length, expected.length);
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  assert.ok(scale > 0 && Number.isFinite(scale), "the expected values say nothing");
  for (const [index, value] of actual.entries()) {
    const error = Math.abs(value - (expected[index] ?? 0)) / scale;
    assert.ok(error <= tolerance, `element ${index}: ${value} is not ${expected[index]}`);
  }
}

const EXPORTS: readonly (readonly [string, ModelGraph])[] = [
  ["every operation", everythingGraph()],
  [
    "mobilenet-v3-small",
    buildModel({ model: "mobilenet-v3-small", norm: "batch", inputShape: [32, 32, 3], classes: 10 }),
  ],
  ["resnet20 with groups", buildModel({ model: "resnet20", norm: "group", inputShape: [28, 28, 1], classes: 10 })],
];

for (const [name, graph] of EXPORTS) {
  void test(`stock TensorFlow.js computes the same from an exported model: ${name}`, () =>
    withFolder(async (folder) => {
      const model = randomModel(graph, 3);
      const first = graph.nodes[0];
      assert.ok(first?.kind === "input");
      const { shape } = first.attributes;
      const images = imagesFor(shape);
      const loaded = await loadWithTfjs(tf, await writeLayersModel(model, folder));
      try {
        assertClose(predict(loaded, images, shape), evaluateWithTfjs(tf, model, images));
      } finally {
        loaded.dispose();
      }
    }));
}

const SHAPE = [9, 8, 4];

/** A model of stock layers with their own activations, in the forms that our export never writes. */
function stockModel(): tf.LayersModel {
  const { layers } = tf;
  const apply = (layer: tf.layers.Layer, ...inputs: tf.SymbolicTensor[]): tf.SymbolicTensor =>
    layer.apply(inputs.length === 1 ? (inputs[0] as tf.SymbolicTensor) : inputs) as tf.SymbolicTensor;
  const initial = {
    biasInitializer: "randomNormal",
    gammaInitializer: "randomNormal",
    movingMeanInitializer: "randomNormal",
  } as const;
  const { biasInitializer } = initial;
  const input = tf.input({ shape: SHAPE });
  let x = apply(
    layers.conv2d({ filters: 8, kernelSize: 3, strides: [2, 2], padding: "same", activation: "relu", biasInitializer }),
    input,
  );
  x = apply(layers.separableConv2d({ filters: 6, kernelSize: 3, activation: "swish", biasInitializer }), x);
  x = apply(layers.depthwiseConv2d({ kernelSize: 2, padding: "same", activation: "hardSigmoid", biasInitializer }), x);
  x = apply(layers.batchNormalization({ ...initial, scale: false, epsilon: 0.01 }), x);
  x = apply(layers.reLU({ maxValue: 6 }), x);
  const pooled = apply(layers.maxPooling2d({ poolSize: 2, strides: 1, padding: "same" }), x);
  const gate = apply(layers.reshape({ targetShape: [1, 1, 6] }), apply(layers.globalAveragePooling2d({}), pooled));
  x = apply(layers.multiply(), gate, apply(layers.add(), x, pooled, apply(layers.reLU(), x)));
  x = apply(
    layers.concatenate({ axis: 3 }),
    x,
    pooled,
    apply(layers.averagePooling2d({ poolSize: 2, strides: 1, padding: "same" }), pooled),
  );
  x = apply(layers.dropout({ rate: 0.5 }), apply(layers.flatten(), apply(layers.zeroPadding2d({ padding: 1 }), x)));
  x = apply(layers.dense({ units: 5, activation: "tanh", biasInitializer }), x);
  return tf.model({
    inputs: input,
    outputs: apply(layers.softmax(), apply(layers.dense({ units: 3, biasInitializer }), x)),
  });
}

/** The layers of stock TensorFlow.js that become other nodes, or several. */
function composedModel(): tf.LayersModel {
  const { layers } = tf;
  const input = tf.input({ shape: SHAPE });
  const apply = (layer: tf.layers.Layer, ...inputs: tf.SymbolicTensor[]): tf.SymbolicTensor =>
    layer.apply(inputs.length === 1 ? (inputs[0] as tf.SymbolicTensor) : inputs) as tf.SymbolicTensor;
  const random = "randomNormal";
  const norm = { betaInitializer: random, gammaInitializer: random, movingMeanInitializer: random } as const;
  const conv = layers.conv2d({ filters: 4, kernelSize: 3, padding: "same", biasInitializer: random });
  let x = apply(conv, apply(layers.leakyReLU({ alpha: 0.1 }), apply(conv, input)));
  x = apply(layers.prelu({ alphaInitializer: random, sharedAxes: [1, 2] }), x);
  x = apply(layers.prelu({ alphaInitializer: random }), x);
  x = apply(layers.layerNormalization({ axis: -1, betaInitializer: random, gammaInitializer: random }), x);
  x = apply(layers.elu({ alpha: 1 }), apply(layers.upSampling2d({ size: [1, 2] }), x));
  x = apply(
    layers.average(),
    x,
    apply(layers.activation({ activation: "gelu" }), x),
    apply(layers.reLU({ maxValue: 2 }), x),
  );
  x = apply(layers.dense({ units: 6, activation: "selu", biasInitializer: random }), x);
  const rows = apply(layers.reshape({ targetShape: [144, 6] }), x);
  const mapped = apply(layers.dense({ units: 3, activation: "softsign", biasInitializer: random }), rows);
  const most = apply(layers.globalMaxPooling2d({}), x);
  let y = apply(layers.concatenate(), most, apply(layers.flatten(), apply(layers.batchNormalization(norm), mapped)));
  y = apply(layers.layerNormalization({ betaInitializer: random }), apply(layers.batchNormalization(norm), y));
  y = apply(layers.dense({ units: 3, activation: "softplus" }), y);
  return tf.model({ inputs: input, outputs: apply(layers.softmax(), y) });
}

for (const [what, build] of [
  ["with the usual layers", stockModel],
  ["with layers that become others", composedModel],
] as const) {
  void test(`a model saved by stock TensorFlow.js ${what} is read and computes the same, again after an export`, () =>
    withFolder(async (folder) => {
      const stock = build();
      await stock.save(`file://${join(folder, "stock")}`);
      const images = imagesFor(SHAPE);
      const expected = predict(stock, images, SHAPE);
      const model = await readLayersModel(join(folder, "stock", "model.json"));
      assertClose(evaluateWithTfjs(tf, model, images), expected);
      const again = await loadWithTfjs(tf, await writeLayersModel(model, join(folder, "ours")));
      assertClose(predict(again, images, SHAPE), expected);
      stock.dispose();
      again.dispose();
    }));
}

const ACTIVATION_LAYERS: readonly (readonly [string, object, (x: number) => number])[] = [
  ["ELU", { alpha: 0.3 }, (x) => (x > 0 ? x : 0.3 * Math.expm1(x))],
  ["ReLU", { negative_slope: 0.2, max_value: 0.5 }, (x) => Math.min(0.5, x > 0 ? x : 0.2 * x)],
  ["ReLU", { negative_slope: 0, max_value: 0.5 }, (x) => Math.min(0.5, Math.max(0, x))],
  ["LeakyReLU", { negative_slope: 0.2 }, (x) => (x > 0 ? x : 0.2 * x)],
];

for (const [className, config, compute] of ACTIVATION_LAYERS) {
  void test(`${className} ${JSON.stringify(config)} is what Keras says it is, in stock TensorFlow.js too`, () =>
    withFolder(async (folder) => {
      const input = { class_name: "InputLayer", config: { name: "in", batch_shape: [null, 5] } };
      const end = { class_name: "Softmax", config: { name: "end" } };
      const layers = [input, { class_name: className, config: { name: "layer", ...config } }, end];
      const modelTopology = { class_name: "Sequential", config: { name: "tiny", layers } };
      await writeFile(join(folder, "model.json"), JSON.stringify({ modelTopology, weightsManifest: [] }));
      const model = await readLayersModel(folder);
      const x = imagesFor([5]);
      const expected = Float32Array.from(softmaxRows(x.map(compute), x.length / 5));
      assertClose(evaluateWithTfjs(tf, model, x), expected);
      const peer = await loadWithTfjs(tf, await writeLayersModel(model, join(folder, "ours")));
      assertClose(predict(peer, x, [5]), expected);
      peer.dispose();
    }));
}

for (const dtype of ["uint8", "uint16", "float16"] as const) {
  void test(`weights quantised to ${dtype} are read as stock TensorFlow.js reads them`, () =>
    withFolder(async (folder) => {
      const stock = stockModel();
      await stock.save(`file://${folder}`);
      stock.dispose();
      const path = join(folder, "model.json");
      await quantise(folder, dtype);
      const images = imagesFor(SHAPE);
      const peer = await loadWithTfjs(tf, path);
      const model = await readLayersModel(path);
      assertClose(evaluateWithTfjs(tf, model, images), predict(peer, images, SHAPE));
      const kernels = peer.weights.filter(({ shape }) => shape.length === 4).map((weight) => weight.read().dataSync());
      for (const kernel of kernels) {
        const same = [...model.weights.values()].some(
          (values) => values.length === kernel.length && values.every((value, index) => value === kernel[index]),
        );
        assert.ok(same, "a kernel differs from the one that TensorFlow.js reads");
      }
      peer.dispose();
    }));
}

/** Rewrites a saved model with quantised weights. Halves are random bits of finite numbers. */
async function quantise(folder: string, dtype: "uint8" | "uint16" | "float16"): Promise<void> {
  const path = join(folder, "model.json");
  const json = JSON.parse(await readFile(path, "utf8")) as {
    weightsManifest: [{ weights: { name: string; shape: number[]; quantization?: object }[] }];
  };
  const random = createRandom(4);
  const parts = json.weightsManifest[0].weights.map((weight) => {
    const isVariance = weight.name.endsWith("moving_variance");
    weight.quantization =
      dtype === "float16"
        ? { dtype }
        : { dtype, scale: 1 / (dtype === "uint8" ? 255 : 65535), min: isVariance ? 1 : -0.4 };
    const length = elementsOf(weight.shape);
    if (dtype === "uint8") return Buffer.from(Uint8Array.from({ length }, () => random.integer(256)));
    const sign = (): number => (isVariance ? 0 : random.integer(2) << 15);
    const bits = (): number => (dtype === "uint16" ? random.integer(65536) : random.integer(0x3c00) | sign());
    return Buffer.from(Uint16Array.from({ length }, bits).buffer);
  });
  await writeFile(path, JSON.stringify(json));
  await writeFile(join(folder, "weights.bin"), Buffer.concat(parts));
}

/** A base network inside a classifier, as in transfer learning; the base is the first layer, or not. */
const NESTINGS: readonly (readonly [string, () => tf.LayersModel])[] = [
  [
    "a Functional model that begins a Sequential one",
    () => tf.sequential({ name: "outer", layers: [baseModel(), tf.layers.dense({ name: "fc", units: 3 })] }),
  ],
  [
    "a Sequential model in a Functional one, itself in another",
    () => {
      const input = tf.input({ shape: [6, 5, 2], name: "photos" });
      const scaled = tf.layers.batchNormalization({ name: "scale" }).apply(input) as tf.SymbolicTensor;
      const head = tf.sequential({
        name: "head",
        layers: [tf.layers.dense({ name: "fc", units: 3, inputShape: [4] })],
      });
      const joined = head.apply(baseModel().apply(scaled) as tf.SymbolicTensor) as tf.SymbolicTensor;
      const inner = tf.model({ name: "inner", inputs: input, outputs: joined });
      const again = tf.input({ shape: [6, 5, 2], name: "again" });
      const output = tf.layers.softmax({ name: "end" }).apply(inner.apply(again) as tf.SymbolicTensor);
      return tf.model({ name: "outer", inputs: again, outputs: output as tf.SymbolicTensor });
    },
  ],
];

function baseModel(): tf.LayersModel {
  const input = tf.input({ shape: [6, 5, 2], name: "images" });
  const conv = tf.layers.conv2d({ name: "conv", filters: 4, kernelSize: 3, activation: "relu" });
  const pooled = tf.layers.globalAveragePooling2d({ name: "pool" }).apply(conv.apply(input)) as tf.SymbolicTensor;
  return tf.model({ name: "base", inputs: input, outputs: pooled });
}

for (const [name, build] of NESTINGS) {
  void test(`models inside a model are read: ${name}`, () =>
    withFolder(async (folder) => {
      const stock = build();
      try {
        await stock.save(`file://${folder}`);
        const read = await readLayersModel(join(folder, "model.json"));
        const images = imagesFor([6, 5, 2]);
        assertClose(evaluateWithTfjs(tf, read, images), predict(stock, images, [6, 5, 2]));
      } finally {
        stock.dispose();
      }
    }));
}
