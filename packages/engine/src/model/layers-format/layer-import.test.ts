import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../../test-support/layers-format-testing.ts";
import { elementsOf, type Model } from "../model-graph.ts";
import { readLayersModel } from "./read-layers-model.ts";

type Layer = readonly [className: string, config: object];
type Weights = Readonly<Record<string, readonly [shape: readonly number[], values: readonly number[]]>>;

/** Reads a Sequential model of Keras 3 for images of 4x4x2 with these layers. */
async function read(layers: readonly Layer[], weights: Weights = {}): Promise<Model> {
  let model: Model | undefined;
  await withFolder(async (folder) => {
    const input = { class_name: "InputLayer", config: { name: "images", batch_shape: [null, 4, 4, 2] } };
    const flat = { class_name: "Flatten", config: { name: "flat" } };
    const entries = layers.map(([class_name, config], index) => ({
      class_name,
      config: { name: `l${index}`, ...config },
    }));
    const end = { class_name: "Softmax", config: { name: "end" } };
    const config = { name: "tiny", layers: [input, ...entries, flat, end] };
    const manifest = Object.entries(weights).map(([name, [shape]]) => ({ name, shape, dtype: "float32" }));
    await writeFile(
      join(folder, "w.bin"),
      new Uint8Array(Float32Array.from(Object.values(weights).flatMap(([, v]) => v)).buffer),
    );
    await writeFile(
      join(folder, "model.json"),
      JSON.stringify({
        modelTopology: { keras_version: "3.15.1", model_config: { class_name: "Sequential", config } },
        weightsManifest: [{ paths: ["w.bin"], weights: manifest }],
      }),
    );
    model = await readLayersModel(folder);
  });
  assert.ok(model !== undefined);
  return model;
}

/** Kind and attributes of the nodes between the input and the end. */
async function nodesOf(
  layers: readonly Layer[],
  weights: Weights = {},
): Promise<readonly (readonly [string, object])[]> {
  const { graph } = await read(layers, weights);
  return graph.nodes.slice(1, -2).map(({ kind, attributes }) => [kind, attributes]);
}

void test("a Normalization is a fixed affine node, of its configuration or of its weights", async () => {
  const expected = [["affine", { scale: [0.5, 1], offset: [-0.5, -3] }]];
  const config = { axis: [-1], mean: [[[[1, 3]]]], variance: { type: "ndarray", value: [[[[4, 1]]]] } };
  assert.deepEqual(await nodesOf([["Normalization", config]]), expected);
  const weights: Weights = {
    "layers/normalization/vars/0": [[2], [1, 3]],
    "layers/normalization/vars/1": [[2], [4, 1]],
  };
  assert.deepEqual(await nodesOf([["Normalization", { axis: [-1], mean: null, variance: null }]], weights), expected);
});

void test("a Rescaling is a fixed affine node", async () => {
  assert.deepEqual(await nodesOf([["Rescaling", { scale: 2, offset: [0, 1] }]]), [
    ["affine", { scale: [2], offset: [0, 1] }],
  ]);
});

void test("random augmentation does nothing, but a layer that changes the shape is refused", async () => {
  const layers = ["RandomFlip", "RandomZoom", "RandomBrightness", "GaussianNoise"].map((name): Layer => [name, {}]);
  assert.deepEqual(await nodesOf(layers), []);
  await assert.rejects(nodesOf([["RandomCrop", { height: 2, width: 2 }]]), {
    code: "unsupported",
    message: /RandomCrop/,
  });
});

void test("activations are read as name, as Keras 3's function, and as a layer", async () => {
  const dense = (activation: unknown): readonly Layer[] => [
    ["Conv2D", { filters: 1, kernel_size: 1, use_bias: false, activation }],
  ];
  const weights: Weights = {
    "l0/kernel": [
      [1, 1, 2, 1],
      [1, 2],
    ],
  };
  const last = async (activation: unknown): Promise<unknown> => (await nodesOf(dense(activation), weights)).at(-1)?.[1];
  assert.deepEqual(await last("leaky_relu"), { function: "leakyRelu", slope: 0.2 });
  assert.deepEqual(await last({ module: "builtins", class_name: "function", config: "relu6" }), { function: "relu6" });
  const layer = { class_name: "LeakyReLU", config: { name: "inner", negative_slope: 0.5 } };
  assert.deepEqual(await last(layer), { function: "leakyRelu", slope: 0.5 });
});

void test("a convolution with a group for each channel is a depthwise one", async () => {
  const weights: Weights = {
    "l0/kernel": [
      [1, 1, 1, 2],
      [1, 2],
    ],
  };
  const model = await read([["Conv2D", { filters: 2, groups: 2, kernel_size: 1, use_bias: false }]], weights);
  assert.equal(model.graph.nodes[1]?.kind, "depthwiseConv2d");
  assert.deepEqual([...(model.weights.get("l0/depthwise_kernel") ?? [])], [1, 2]);
});

void test("the kernel of a depthwise convolution has Keras 3's name or Keras 2's", async () => {
  for (const name of ["l0/kernel", "l0/depthwise_kernel", "layers/depthwise_conv2d/vars/0"]) {
    const weights: Weights = {
      [name]: [
        [1, 1, 2, 1],
        [1, 2],
      ],
    };
    const model = await read([["DepthwiseConv2D", { kernel_size: 1, use_bias: false }]], weights);
    assert.deepEqual([...(model.weights.get("l0/depthwise_kernel") ?? [])], [1, 2]);
  }
});

void test("a ReLU may have a slope or a limit", async () => {
  assert.deepEqual(
    await nodesOf([
      ["ReLU", { negative_slope: 0.1, max_value: null }],
      ["ReLU", { negative_slope: 0, max_value: 6 }],
      ["ReLU", { max_value: 1 }],
      ["LeakyReLU", {}],
    ]),
    [
      ["activation", { function: "leakyRelu", slope: 0.1 }],
      ["activation", { function: "relu6" }],
      ["activation", { function: "clippedRelu", most: 1 }],
      ["activation", { function: "leakyRelu", slope: 0.3 }],
    ],
  );
});

/** Settings that the engine does not have: read otherwise they would be silently wrong. */
const REFUSED: readonly (readonly [Layer, RegExp])[] = [
  [["ReLU", { threshold: 1 }], /threshold is 1: only 0/],
  [["UpSampling2D", { interpolation: "bilinear" }], /interpolation is "bilinear": only nearest/],
  [["Dropout", { rate: 0.1, noise_shape: [null, 4, 1, 2] }], /noise_shape/],
  [["LayerNormalization", { axis: [1, 2, 3] }], /axis/],
  [["Normalization", { axis: 1, mean: [0], variance: [1] }], /axis is 1; expected the last/],
  [["Normalization", { axis: -1 }], /affine has 0 numbers/],
];

for (const [layer, message] of REFUSED) {
  void test(`${layer[0]} with ${JSON.stringify(layer[1])} is refused`, async () => {
    await assert.rejects(nodesOf([layer]), { code: "unsupported", message });
  });
}

void test("a batch normalisation of features becomes one of an image", async () => {
  const shapes = new Map([
    ["l1/gamma", [32]],
    ["l1/beta", [32]],
    ["l1/moving_mean", [32]],
    ["l1/moving_variance", [32]],
  ]);
  const weights = Object.fromEntries(
    [...shapes].map(([name, shape]) => [name, [shape, Array.from({ length: elementsOf(shape) }, () => 1)]] as const),
  );
  const kinds = (
    await nodesOf(
      [
        ["Flatten", {}],
        ["BatchNormalization", { axis: 1 }],
      ],
      weights,
    )
  ).map(([kind]) => kind);
  assert.deepEqual(kinds, ["reshape", "reshape", "batchNorm", "reshape"]);
});
