import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleShapes } from "../graph-shapes.ts";
import type { ModelGraph } from "../model-graph.ts";
import { graphVariables, parameterCount } from "../variables.ts";
import { buildModel, MODEL_NAMES, type ModelName, modelCatalogue } from "./build-model.ts";
import { groupsFor, NORM_NAMES } from "./zoo-layers.ts";

for (const { name, published } of modelCatalogue()) {
  void test(`${name} has the published number of parameters`, () => {
    const graph = buildModel({ model: name, norm: "batch", ...published });
    assert.equal(parameterCount(graph).trainable, published.parameters);
  });
}

void test("the catalogue has every model once", () => {
  assert.deepEqual(
    modelCatalogue().map(({ name }) => name),
    MODEL_NAMES,
  );
});

/** Sample shape before the global average pooling at the end, which shows where the strides are. */
function lastImageShape(graph: ModelGraph): readonly number[] {
  const shapes = sampleShapes(graph);
  const pool = graph.nodes.find((node) => node.name === "pool");
  return shapes.get(pool?.inputs[0] ?? "") ?? [];
}

const LAST_SHAPES: Readonly<Record<ModelName, readonly (readonly [readonly number[], readonly number[]])[]>> = {
  resnet20: [
    [
      [32, 32, 3],
      [8, 8, 64],
    ],
    [
      [28, 28, 1],
      [7, 7, 64],
    ],
  ],
  resnet50: imageNetAndSmall(2048),
  resnet101: imageNetAndSmall(2048),
  resnext50: imageNetAndSmall(2048),
  densenet121: imageNetAndSmall(1024),
  "mobilenet-v2": imageNetAndSmall(1280),
  "mobilenet-v3-small": imageNetAndSmall(576),
  "mobilenet-v3-large": imageNetAndSmall(960),
  "vit-tiny": tokensOf(192),
  "deit-tiny": tokensOf(192),
  "tinyclip-vit-8m": tokensOf(256),
  "mobilevit-xxs": imageNetAndSmall(320),
  "mobilevit-xs": imageNetAndSmall(384),
};

/** A token for each patch, and that of the class. */
function tokensOf(width: number): readonly (readonly [readonly number[], readonly number[]])[] {
  return [
    [
      [224, 224, 3],
      [197, width],
    ],
    [
      [32, 32, 3],
      [65, width],
    ],
    [
      [28, 28, 1],
      [50, width],
    ],
  ];
}

function imageNetAndSmall(channels: number): readonly (readonly [readonly number[], readonly number[]])[] {
  return [
    [
      [224, 224, 3],
      [7, 7, channels],
    ],
    [
      [32, 32, 3],
      [4, 4, channels],
    ],
    [
      [28, 28, 1],
      [4, 4, channels],
    ],
  ];
}

for (const model of MODEL_NAMES) {
  for (const norm of NORM_NAMES) {
    void test(`${model} with ${norm} normalisation has the expected shapes`, () => {
      for (const [inputShape, expected] of LAST_SHAPES[model]) {
        const graph = buildModel({ model, norm, inputShape, classes: 7 });
        assert.deepEqual(lastImageShape(graph), expected);
        assert.deepEqual(sampleShapes(graph).get(graph.output), [7]);
        assert.equal(graph.output, "logits");
      }
    });
  }
}

void test("a group-normalised model has no batch statistics and as many trainable parameters", () => {
  const options = { model: "mobilenet-v3-small", inputShape: [32, 32, 3], classes: 10 } as const;
  const group = buildModel({ ...options, norm: "group" });
  assert.ok(!graphVariables(group).some(({ name }) => name.includes("moving")));
  const { trainable, total } = parameterCount(group);
  assert.equal(trainable, total);
  assert.equal(trainable, parameterCount(buildModel({ ...options, norm: "batch" })).trainable);
});

void test("a dense layer is one concatenation of two", () => {
  const graph = buildModel({ model: "densenet121", norm: "batch", inputShape: [32, 32, 3], classes: 10 });
  const concats = graph.nodes.filter(({ kind }) => kind === "concat");
  assert.equal(concats.length, 6 + 12 + 24 + 16);
  assert.ok(concats.every(({ inputs }) => inputs.length === 2));
});

for (const [channels, groups] of [
  [16, 8],
  [24, 8],
  [40, 8],
  [64, 32],
  [112, 16],
  [2048, 32],
  [7, 1],
  [2, 1],
] as const) {
  void test(`${channels} channels are normalised in ${groups} groups`, () => assert.equal(groupsFor(channels), groups));
}

void test("bad requests are refused", () => {
  const good = { model: "resnet20", norm: "batch", inputShape: [32, 32, 3], classes: 10 } as const;
  const refused = (change: object, message: RegExp): void => {
    assert.throws(() => buildModel({ ...good, ...change }), { code: "invalid-argument", message });
  };
  refused({ model: "vgg" }, /"vgg" is unknown; expected one of resnet20/);
  refused({ norm: "layer" }, /"layer" is unknown; expected one of batch, group/);
  refused({ inputShape: [32] }, /expected \[height, width, channels\]/);
  refused({ classes: 0 }, /"logits" \(dense\) has units 0/);
  refused({ inputShape: [32, 0, 3] }, /"input" \(input\) has shape 0/);
});
