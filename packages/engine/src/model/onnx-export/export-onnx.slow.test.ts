import "../../test-support/quiet-tensorflow.ts";
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { OP_TABLE } from "../../ops/op-table.ts";
import { inputShapeOf, testSamples } from "../../test-support/engine-run.ts";
import { evaluateModel } from "../../test-support/evaluate-model.ts";
import { everythingGraph, randomModel, withFolder } from "../../test-support/layers-format-testing.ts";
import { assertSameOutputs, runOnnx } from "../../test-support/onnx-run.ts";
import { GraphBuilder } from "../graph-builder.ts";
import { readLayersModel } from "../layers-format/read-layers-model.ts";
import {
  ACTIVATION_NAMES,
  type EdgePadding,
  type Model,
  type ModelGraph,
  type OpAttributes,
  type OpKind,
  type WindowAttributes,
} from "../model-graph.ts";
import { readOnnxModel } from "../onnx/read-onnx-model.ts";
import { transposed } from "../transposed.ts";
import { parameterCount } from "../variables.ts";
import { buildModel, MODEL_NAMES } from "../zoo/build-model.ts";
import { NORM_NAMES } from "../zoo/zoo-layers.ts";
import { encodeOnnxModel, exportOnnx } from "./export-onnx.ts";

const SAMPLES = 3;
const CLASSES = 5;

async function assertSame(model: Model, optimisation: "all" | "disabled" = "all"): Promise<void> {
  const { images } = testSamples(model.graph, SAMPLES, CLASSES);
  const expected = await evaluateModel(model, images);
  const shape = [SAMPLES, ...inputShapeOf(model.graph)];
  const isImage = shape.length === 4;
  const fed = isImage ? transposed(images, shape, [0, 3, 1, 2]) : images;
  const dims = isImage ? [0, 3, 1, 2].map((axis) => shape[axis]!) : shape;
  const { values, outputName } = await runOnnx(encodeOnnxModel(model), fed, dims, optimisation);
  assert.equal(outputName, model.graph.output);
  assertSameOutputs(values, expected, "as written");
}

/** What is written is what is read: the same outputs, and as many numbers to train. */
async function assertReadAgain(model: Model): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "model.onnx");
    await exportOnnx(model, path, { classNames: ["a", "b", "c", "d", "e", "f", "g"] });
    const again = await readOnnxModel(path);
    assert.equal(again.onnx?.classNames?.[6], "g");
    assert.equal(parameterCount(again.graph).trainable, parameterCount(model.graph).trainable);
    const { images } = testSamples(model.graph, SAMPLES, CLASSES);
    assertSameOutputs(
      Float32Array.from(await evaluateModel(again, images)),
      await evaluateModel(model, images),
      "read again",
    );
  });
}

/** The operation under test between a convolution and a dense layer. */
function between(add: (g: GraphBuilder, x: string) => string): ModelGraph {
  const g = new GraphBuilder("one-op", [9, 8, 3]);
  const before = g.conv2d(g.input, { filters: 6, kernelSize: 3, useBias: true }, "before");
  return g.build(g.dense(g.flatten(add(g, before), "flat"), CLASSES, "logits"));
}

/** An image as tokens, one a pixel. */
function tokens(g: GraphBuilder, x: string): string {
  return g.reshape(x, [72, 6], "tokens");
}

const WINDOW: WindowAttributes = { kernelSize: [3, 3], strides: [1, 1], padding: "same", dilation: [1, 1] };
const CONV: OpAttributes["conv2d"] = { ...WINDOW, filters: 12, groups: 1, useBias: false };
const DEPTHWISE: OpAttributes["depthwiseConv2d"] = { ...WINDOW, depthMultiplier: 1, useBias: false };
const EDGES: EdgePadding = [
  [1, 1],
  [0, 2],
];
const CONVS: readonly Partial<OpAttributes["conv2d"]>[] = [
  {},
  { useBias: true },
  { strides: [2, 2] },
  { strides: [1, 2], padding: "valid" },
  { kernelSize: [1, 1], strides: [2, 2] },
  { dilation: [2, 1], padding: "valid" },
  { dilation: [2, 2] },
  { kernelSize: [5, 2] },
  { groups: 3, strides: [2, 2], useBias: true },
  { groups: 6 },
  { padding: EDGES, strides: [2, 2] },
];
const DEPTHWISES: readonly Partial<OpAttributes["depthwiseConv2d"]>[] = [
  {},
  { strides: [2, 2], useBias: true },
  { padding: "valid" },
  { depthMultiplier: 2, strides: [2, 2], kernelSize: [5, 5] },
  { dilation: [2, 2] },
  { padding: EDGES },
];
const POOLS: readonly OpAttributes["avgPool"][] = [
  { poolSize: [2, 2], strides: [2, 2], padding: "valid" },
  { poolSize: [3, 3], strides: [2, 2], padding: "same" },
  { poolSize: [3, 2], strides: [1, 2], padding: "same" },
];
const NORM = { epsilon: 1e-3, scale: true, center: true };
const BARE = { epsilon: 1e-3, scale: false, center: false };
const ONE_TO_SIX = [1, 2, 3, 4, 5, 6];

const CASES: readonly (readonly [kind: OpKind, graph: ModelGraph])[] = [
  ...CONVS.map((own) => ["conv2d", between((g, x) => g.append("conv2d", [x], { ...CONV, ...own }, "op"))] as const),
  ...DEPTHWISES.map(
    (own) =>
      ["depthwiseConv2d", between((g, x) => g.append("depthwiseConv2d", [x], { ...DEPTHWISE, ...own }, "op"))] as const,
  ),
  ...POOLS.flatMap((pool) => [
    ["maxPool", between((g, x) => g.append("maxPool", [x], pool, "op"))] as const,
    ["avgPool", between((g, x) => g.append("avgPool", [x], pool, "op"))] as const,
  ]),
  ...[NORM, BARE].flatMap((norm) => [
    ["batchNorm", between((g, x) => g.append("batchNorm", [x], { ...norm, momentum: 0.9 }, "op"))] as const,
    ["groupNorm", between((g, x) => g.append("groupNorm", [x], { ...norm, groups: 3 }, "op"))] as const,
    ["layerNorm", between((g, x) => g.append("layerNorm", [x], norm, "op"))] as const,
  ]),
  ["layerNorm", between((g, x) => g.append("layerNorm", [g.flatten(x, "first")], NORM, "op"))],
  ...ACTIVATION_NAMES.map((name) => {
    const attributes = { function: name, ...(name === "clippedRelu" ? { most: 0.5 } : { slope: 0.3 }) };
    return ["activation", between((g, x) => g.append("activation", [x], attributes, "op"))] as const;
  }),
  ["activation", between((g, x) => g.activation(g.flatten(x, "first"), "softmax", "op"))],
  ["dense", between((g, x) => g.dense(g.flatten(x, "first"), 7, "op", false))],
  ["dense", between((g, x) => g.dense(g.flatten(x, "first"), 7, "op"))],
  ["add", between((g, x) => g.add(x, g.activation(x, "sigmoid", "right"), "op"))],
  ["multiply", between((g, x) => g.multiply(x, x, "op"))],
  ["multiply", between((g, x) => g.multiply(x, g.globalAvgPool(x, "gate", true), "op"))],
  ["multiply", between((g, x) => g.multiply(x, g.reshape(g.globalAvgPool(x, "pool"), [1, 1, 6], "gate"), "op"))],
  ["concat", between((g, x) => g.concat([x, g.conv2d(x, { filters: 4, kernelSize: 1 }, "middle"), x], "op"))],
  ["concat", between((g, x) => g.concat([g.flatten(x, "first"), g.globalAvgPool(x, "second")], "op"))],
  ["globalAvgPool", between((g, x) => g.globalAvgPool(x, "op"))],
  ["globalAvgPool", between((g, x) => g.globalAvgPool(x, "op", true))],
  [
    "zeroPad",
    between((g, x) =>
      g.zeroPad(
        x,
        [
          [1, 0],
          [2, 3],
        ],
        "op",
      ),
    ),
  ],
  ["affine", between((g, x) => g.append("affine", [x], { scale: [0.5], offset: [-1] }, "op"))],
  ["affine", between((g, x) => g.append("affine", [x], { scale: ONE_TO_SIX, offset: [0] }, "op"))],
  ["prelu", between((g, x) => g.append("prelu", [x], { sharedAxes: [] }, "op"))],
  ["prelu", between((g, x) => g.append("prelu", [x], { sharedAxes: [0, 1] }, "op"))],
  ["prelu", between((g, x) => g.append("prelu", [g.flatten(x, "first")], { sharedAxes: [] }, "op"))],
  ["upsample", between((g, x) => g.append("upsample", [x], { factors: [2, 3] }, "op"))],
  ["reshape", between((g, x) => g.conv2d(g.reshape(x, [8, 9, 6], "op"), { filters: 2, kernelSize: 3 }, "after"))],
  ["dropout", between((g, x) => g.dropout(x, 0.5, "op"))],
  [
    "maxPool",
    between((g, x) =>
      g.append(
        "maxPool",
        [x],
        {
          ...POOLS[1]!,
          padding: [
            [1, 1],
            [1, 1],
          ],
        },
        "op",
      ),
    ),
  ],
  ["activation", between((g, x) => g.append("activation", [x], { function: "softmax", axis: 0 }, "op"))],
  ["dense", between((g, x) => g.dense(x, 4, "op"))],
  ["dense", between((g, x) => g.dense(tokens(g, x), 4, "op", false))],
  ["add", between((g, x) => g.add(x, g.reshape(g.globalAvgPool(x, "pool"), [6], "row"), "op"))],
  [
    "multiply",
    between((g, x) =>
      g.multiply(g.append("reduce", [x], { function: "mean", axes: [0], keepDims: true }, "rows"), x, "op"),
    ),
  ],
  ["attention", between((g, x) => g.append("attention", [tokens(g, x)], { heads: 2, scale: 0.5 }, "op"))],
  [
    "attention",
    between((g, x) => {
      const pixels = tokens(g, x);
      const few = g.append("slice", [pixels], { axis: 0, begin: 3, size: 20 }, "few");
      return g.append("attention", [pixels, few, few], { heads: 3, scale: 0.7 }, "op");
    }),
  ],
  [
    "rearrange",
    between((g, x) =>
      g.append("rearrange", [x], { split: [3, 3, 8, 6], order: [2, 0, 3, 1], shape: [8, 18, 3] }, "op"),
    ),
  ],
  ["slice", between((g, x) => g.append("slice", [x], { axis: 2, begin: 1, size: 3 }, "op"))],
  ["slice", between((g, x) => g.append("slice", [tokens(g, x)], { axis: 0, begin: 2, size: 1 }, "op"))],
  ["classToken", between((g, x) => g.append("classToken", [tokens(g, x)], {}, "op"))],
  ["positions", between((g, x) => g.append("positions", [x], {}, "op"))],
  ["positions", between((g, x) => g.append("positions", [tokens(g, x)], {}, "op"))],
  ["layerScale", between((g, x) => g.append("layerScale", [x], {}, "op"))],
  ["layerScale", between((g, x) => g.append("layerScale", [tokens(g, x)], {}, "op"))],
  ...(["mean", "sum"] as const).flatMap((own) =>
    [
      { axes: [0, 1], keepDims: false },
      { axes: [2], keepDims: true },
      { axes: [0], keepDims: false },
      { axes: [1, 2], keepDims: false },
    ].map(
      (attributes) =>
        ["reduce", between((g, x) => g.append("reduce", [x], { function: own, ...attributes }, "op"))] as const,
    ),
  ),
  ["l2Normalise", between((g, x) => g.append("l2Normalise", [x], { epsilon: 1e-6 }, "op"))],
];

test("there is a case for every kind of operation", () => {
  const tested = new Set<string>([...CASES.map(([kind]) => kind), "input"]);
  assert.deepEqual(
    Object.keys(OP_TABLE).filter((kind) => !tested.has(kind)),
    [],
  );
});

for (const [kind, graph] of CASES) {
  const { attributes } = graph.nodes.find(({ name }) => name === "op")!;
  test(`onnxruntime computes the same for ${kind} ${JSON.stringify(attributes)}`, () =>
    assertSame(randomModel(graph, 3)));
}

// onnxruntime 1.30 puts a Pad into the pooling after it, even where that then has more padding than window.
test("onnxruntime computes the same for a graph of everything", () =>
  assertSame(randomModel(everythingGraph(), 4), "disabled"));

for (const model of MODEL_NAMES) {
  for (const norm of NORM_NAMES) {
    test(`onnxruntime computes the same for ${model} with ${norm} normalisation`, async () => {
      const built = randomModel(buildModel({ model, norm, inputShape: [64, 64, 3], classes: 7, form: "imagenet" }), 5);
      await assertSame(built);
      if (norm === "batch") await assertReadAgain(built);
    });
  }
}

const KERAS = fileURLToPath(new URL("../../../cases/models/", import.meta.url));
for (const name of readdirSync(KERAS)) {
  test(`onnxruntime computes the same for what Keras saved as ${name}`, async () => {
    const file = readdirSync(join(KERAS, name)).find((entry) => /\.(h5|keras)$/.test(entry)) ?? "";
    await assertSame(await readLayersModel(join(KERAS, name, file)));
  });
}
