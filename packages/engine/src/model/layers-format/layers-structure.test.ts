import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../../test-support/layers-format-testing.ts";
import type { Model } from "../model-graph.ts";
import { readLayersModel } from "./read-layers-model.ts";

interface LayerEntry {
  readonly class_name: string;
  readonly name: string;
  readonly config: object;
  readonly inbound_nodes: readonly unknown[];
}

/** Reads a Functional model for images of 2x2x2 that ends in a flatten of `last`. Weights are 1, 2, 3 and so on. */
async function read(
  layers: readonly LayerEntry[],
  last: unknown,
  weights: Readonly<Record<string, number[]>> = {},
): Promise<Model> {
  let model: Model | undefined;
  await withFolder(async (folder) => {
    const input = {
      class_name: "InputLayer",
      name: "in",
      config: { name: "in", batch_shape: [null, 2, 2, 2] },
      inbound_nodes: [],
    };
    const flat = { class_name: "Flatten", name: "flat", config: { name: "flat" }, inbound_nodes: [last] };
    const config = {
      name: "tiny",
      layers: [input, ...layers, flat],
      input_layers: ["in", 0, 0],
      output_layers: [["flat", 0, 0]],
    };
    const manifest = Object.entries(weights).map(([name, shape]) => ({ name, shape, dtype: "float32" }));
    const count = Object.values(weights).reduce(
      (sum, shape) => sum + shape.reduce((product, extent) => product * extent, 1),
      0,
    );
    await writeFile(
      join(folder, "w.bin"),
      new Uint8Array(Float32Array.from({ length: count }, (_, index) => index + 1).buffer),
    );
    const weightsManifest = [{ paths: ["w.bin"], weights: manifest }];
    await writeFile(
      join(folder, "model.json"),
      JSON.stringify({ modelTopology: { class_name: "Functional", config }, weightsManifest }),
    );
    model = await readLayersModel(folder);
  });
  assert.ok(model !== undefined);
  return model;
}

function entry(class_name: string, name: string, inbound: unknown, config: object = {}): LayerEntry {
  return { class_name, name, config: { name, ...config }, inbound_nodes: [inbound] };
}

/** An operation of TensorFlow in a model of Keras 2. */
function lambda(own: string, name: string, inbound: unknown): LayerEntry {
  return entry("TFOpLambda", name, inbound, { function: own });
}

function kerasTensor(name: string): object {
  return {
    class_name: "__keras_tensor__",
    config: { shape: [null, 2, 2, 2], dtype: "float32", keras_history: [name, 0, 0] },
  };
}

function args(...given: readonly unknown[]): object {
  return { args: given, kwargs: {} };
}

/** What lies between the input and the flatten. */
function between({ graph }: Model): readonly unknown[] {
  return graph.nodes.slice(1, -1).map(({ kind, inputs, attributes }) => [kind, inputs, attributes]);
}

const PREPROCESSING = [
  ["affine", ["in"], { scale: [1 / 127.5], offset: [0] }],
  ["affine", ["tf.math.truediv"], { scale: [1], offset: [-1] }],
];

void test("arithmetic with numbers, as preprocess_input of Keras 2 writes it, is affine nodes", async () => {
  const layers = [
    lambda("math.truediv", "tf.math.truediv", ["in", 0, 0, { y: 127.5, name: null }]),
    lambda("math.subtract", "tf.math.subtract", ["tf.math.truediv", 0, 0, { y: 1, name: null }]),
  ];
  assert.deepEqual(between(await read(layers, [["tf.math.subtract", 0, 0, {}]])), PREPROCESSING);
});

void test("arithmetic with numbers, as preprocess_input of Keras 3 writes it, is affine nodes", async () => {
  const layers = [
    entry("TrueDivide", "tf.math.truediv", args(kerasTensor("in"), 127.5)),
    entry("Subtract", "subtract", args(kerasTensor("tf.math.truediv"), 1)),
  ];
  assert.deepEqual(between(await read(layers, args(kerasTensor("subtract")))), PREPROCESSING);
});

void test("a number may come first, and be one for each channel, where the order says nothing", async () => {
  const layers = [
    lambda("math.multiply", "scaled", ["_CONSTANT_VALUE", -1, 0.5, { y: ["in", 0, 0], name: null }]),
    entry(
      "Add",
      "moved",
      args({ class_name: "__tensor__", config: { value: [[[1, 2]]], dtype: "float32" } }, kerasTensor("scaled")),
    ),
  ];
  assert.deepEqual(between(await read(layers, args(kerasTensor("moved")))), [
    ["affine", ["in"], { scale: [0.5], offset: [0] }],
    ["affine", ["scaled"], { scale: [1], offset: [1, 2] }],
  ]);
  await assert.rejects(read([entry("Subtract", "s", args(1, kerasTensor("in")))], args(kerasTensor("s"))), {
    code: "unsupported",
    message: /layer "s" \(Subtract\) begins with a number/,
  });
  await assert.rejects(read([entry("Power", "p", args(kerasTensor("in"), 2))], args(kerasTensor("p"))), {
    code: "unsupported",
    message: /layer "p" \(Power\): it calculates with the numbers 2; expected/,
  });
});

void test("the sum of two tensors is an add, in both", async () => {
  const two = entry("Activation", "act", [["in", 0, 0, {}]], { activation: "linear" });
  const expected = ["add", ["in", "act"], {}];
  const old = lambda("__operators__.add", "sum", ["in", 0, 0, { y: ["act", 0, 0], name: null }]);
  assert.deepEqual(between(await read([two, old], [["sum", 0, 0, {}]])).at(-1), expected);
  const operation = entry("Add", "sum", args(kerasTensor("in"), kerasTensor("act")));
  assert.deepEqual(between(await read([two, operation], args(kerasTensor("sum")))).at(-1), expected);
});

void test("a model inside need not say its input's shape; its weights lie at its place", async () => {
  const layers = ["a", "b"].map((name) => ({
    class_name: "Conv2D",
    config: { name, filters: 2, kernel_size: 1, use_bias: false },
  }));
  const inner = entry("Sequential", "stem", args(kerasTensor("in")), { layers });
  const shape = [1, 1, 2, 2];
  const { weights } = await read([inner], args(kerasTensor("stem")), {
    "layers/sequential/layers/conv2d/vars/0": shape,
    "layers/sequential/layers/conv2d_1/vars/0": shape,
  });
  assert.deepEqual(
    [...weights].map(([name, [first]]) => [name, first]),
    [
      ["a/kernel", 1],
      ["b/kernel", 5],
    ],
  );
});

void test("a model that is used twice is two, with the same weights", async () => {
  const layers = [{ class_name: "Conv2D", config: { name: "a", filters: 2, kernel_size: 1, use_bias: false } }];
  const twice = {
    ...entry("Sequential", "stem", args(kerasTensor("in")), { layers }),
    inbound_nodes: [args(kerasTensor("in")), args(kerasTensor("stem"))],
  };
  const last = { class_name: "__keras_tensor__", config: { keras_history: ["stem", 1, 0] } };
  const model = await read([twice], args(last), { "a/kernel": [1, 1, 2, 2] });
  assert.deepEqual(
    [...model.weights].map(([name, values]) => [name, ...values]),
    [
      ["a/kernel", 1, 2, 3, 4],
      ["a_use2/kernel", 1, 2, 3, 4],
    ],
  );
  assert.deepEqual(
    model.graph.nodes.map(({ inputs }) => inputs),
    [[], ["in"], ["a"], ["a_use2"]],
  );
});

void test("the layers of ConvNeXt's own are read, whatever their weight is called", async () => {
  const layers = [
    entry("Custom>LayerScale", "scale", [["in", 0, 0, {}]], { init_values: 1e-6, projection_dim: 2 }),
    entry("StochasticDepth", "depth", [["scale", 0, 0, {}]], { drop_path_rate: 0.1 }),
  ];
  for (const name of ["scale/Variable", "scale/variable_3", "scale/gamma", "layers/layer_scale/vars/0"]) {
    const model = await read(layers, [["depth", 0, 0, {}]], { [name]: [2] });
    assert.deepEqual([...(model.weights.get("scale/depthwise_kernel") ?? [])], [1, 2]);
    assert.deepEqual(between(model).at(-1), ["dropout", ["scale"], { rate: 0.1, whole: "samples" }]);
  }
});
