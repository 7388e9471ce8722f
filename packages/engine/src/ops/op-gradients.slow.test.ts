import assert from "node:assert/strict";
import { test } from "node:test";
import { GraphBuilder } from "../model/graph-builder.ts";
import {
  ACTIVATION_NAMES,
  type EdgePadding,
  type ModelGraph,
  type OpAttributes,
  type OpKind,
} from "../model/model-graph.ts";
import { assertClose, assertSameGradients } from "../test-support/compare-gradients.ts";
import { engineGradients, testSamples } from "../test-support/engine-run.ts";
import { randomModel } from "../test-support/layers-format-testing.ts";
import { tfjsGradients } from "../test-support/tfjs-gradients.ts";
import { OP_TABLE } from "./op-table.ts";

const CLASSES = 5;
const SAMPLES = 4;

/** The op under test reads the output of a convolution, so that the gradient of its input is seen in that kernel's. */
function between(add: (g: GraphBuilder, x: string) => string, channels = 6): ModelGraph {
  const g = new GraphBuilder("one-op", [9, 8, 3]);
  const before = g.conv2d(g.input, { filters: channels, kernelSize: 3, useBias: true }, "before");
  const y = add(g, before);
  return g.build(g.dense(g.flatten(y, "flat"), CLASSES, "logits"));
}

/** `[12, 36]`. */
function tokens(g: GraphBuilder, x: string): string {
  return g.reshape(x, [12, 36], "tokens");
}

/** `[36]`. */
function token(g: GraphBuilder, x: string): string {
  return g.reduce(g.reshape(x, [12, 36], "summed"), { function: "sum", axes: [0], keepDims: false }, "token");
}

function activated(g: GraphBuilder, x: string, attributes: OpAttributes["activation"]): string {
  return g.append("activation", [x], attributes, "op");
}

/** As PyTorch pads a window of 3, and as TensorFlow pads one of 3 with strides of 2. */
const EDGES: EdgePadding = [
  [1, 1],
  [1, 1],
];
const UNEVEN_EDGES: EdgePadding = [
  [0, 2],
  [1, 0],
];

const CONVOLUTIONS: readonly (readonly [string, Partial<OpAttributes["conv2d"]>])[] = [
  ["plain", {}],
  ["with bias", { useBias: true }],
  ["strided", { strides: [2, 2] }],
  ["strided unevenly, valid", { strides: [1, 2], padding: "valid" }],
  ["strided 1x1", { kernelSize: [1, 1], strides: [2, 2] }],
  ["dilated", { dilation: [2, 2] }],
  ["dilated, valid", { dilation: [2, 1], padding: "valid", useBias: true }],
  ["wide kernel", { kernelSize: [5, 2] }],
  ["in 2 groups", { groups: 2 }],
  ["in 3 groups, strided, with bias", { groups: 3, strides: [2, 2], useBias: true }],
  ["in 3 groups, valid", { groups: 3, padding: "valid" }],
  ["in groups of one channel", { groups: 6 }],
  ["padded alike", { padding: EDGES, strides: [2, 2] }],
  ["padded at some edges", { padding: UNEVEN_EDGES, strides: [2, 2], useBias: true }],
  ["padded, dilated", { padding: UNEVEN_EDGES, dilation: [2, 1] }],
  ["padded, in 2 groups", { padding: UNEVEN_EDGES, groups: 2 }],
];

const DEPTHWISE: readonly (readonly [string, Partial<OpAttributes["depthwiseConv2d"]>])[] = [
  ["plain", {}],
  ["with bias", { useBias: true }],
  ["strided", { strides: [2, 2] }],
  ["valid", { padding: "valid" }],
  ["multiplied", { depthMultiplier: 3 }],
  ["multiplied, strided, wide", { depthMultiplier: 2, strides: [2, 2], kernelSize: [5, 5] }],
  ["dilated", { dilation: [2, 2] }],
  ["padded alike", { padding: EDGES, strides: [2, 2] }],
  ["padded at some edges", { padding: UNEVEN_EDGES, useBias: true }],
  ["padded, dilated", { padding: UNEVEN_EDGES, dilation: [2, 2] }],
];

const POOLS: readonly OpAttributes["avgPool"][] = [
  { poolSize: [2, 2], strides: [2, 2], padding: "valid" },
  { poolSize: [3, 3], strides: [2, 2], padding: "same" },
  { poolSize: [3, 2], strides: [1, 2], padding: "same" },
];

const PLAIN = { epsilon: 1e-3, scale: true, center: true };

const GRAPHS: readonly (readonly [OpKind, string, ModelGraph])[] = [
  ...CONVOLUTIONS.map(([name, options]) => {
    const plain = {
      filters: 12,
      kernelSize: [3, 3],
      strides: [1, 1],
      padding: "same",
      dilation: [1, 1],
      groups: 1,
    } as const;
    const attributes = { ...plain, useBias: false, ...options };
    return ["conv2d", name, between((g, x) => g.append("conv2d", [x], attributes, "op"))] as const;
  }),
  ...DEPTHWISE.map(([name, options]) => {
    const plain = {
      kernelSize: [3, 3],
      strides: [1, 1],
      padding: "same",
      dilation: [1, 1],
      depthMultiplier: 1,
    } as const;
    const attributes = { ...plain, useBias: false, ...options };
    return ["depthwiseConv2d", name, between((g, x) => g.append("depthwiseConv2d", [x], attributes, "op"))] as const;
  }),
  ["dense", "without bias", between((g, x) => g.dense(g.flatten(x, "first"), 7, "op", false))],
  ["dense", "with bias", between((g, x) => g.dense(g.flatten(x, "first"), 7, "op"))],
  ...[true, false].flatMap((scale) =>
    [true, false].flatMap((center) => {
      const name = `${scale ? "scaled" : "not scaled"}, ${center ? "centred" : "not centred"}`;
      const batch = { epsilon: 1e-3, momentum: 0.9, scale, center };
      const group = { groups: 3, epsilon: 1e-5, scale, center };
      const layer = { epsilon: 1e-3, scale, center };
      return [
        ["batchNorm", name, between((g, x) => g.append("batchNorm", [x], batch, "op"))],
        ["groupNorm", name, between((g, x) => g.append("groupNorm", [x], group, "op"))],
        ["layerNorm", name, between((g, x) => g.append("layerNorm", [x], layer, "op"))],
      ] as const;
    }),
  ),
  [
    "batchNorm",
    "before a ReLU",
    between((g, x) => g.activation(g.batchNorm(x, { epsilon: 1e-3, momentum: 0.9 }, "op"), "relu", "relu")),
  ],
  ["groupNorm", "in one group", between((g, x) => g.groupNorm(x, { groups: 1, epsilon: 1e-5 }, "op"))],
  ["groupNorm", "in groups of one channel", between((g, x) => g.groupNorm(x, { groups: 6, epsilon: 1e-5 }, "op"))],
  ...ACTIVATION_NAMES.map((name) => {
    const attributes = { function: name, ...(name === "clippedRelu" ? { most: 0.5 } : {}) };
    return ["activation", name, between((g, x) => g.append("activation", [x], attributes, "op"))] as const;
  }),
  [
    "activation",
    "hardSigmoid with a slope of its own",
    between((g, x) => g.append("activation", [x], { function: "hardSigmoid", slope: 0.4 }, "op")),
  ],
  ["activation", "leakyRelu of a slope", between((g, x) => activated(g, x, { function: "leakyRelu", slope: 0.2 }))],
  ["activation", "softmax of features", between((g, x) => g.activation(g.flatten(x, "first"), "softmax", "op"))],
  [
    "add",
    "of two branches",
    between((g, x) => g.add(g.activation(x, "tanh", "left"), g.activation(x, "sigmoid", "right"), "op")),
  ],
  ["add", "of a value to itself", between((g, x) => g.add(x, x, "op"))],
  ["multiply", "of two branches", between((g, x) => g.multiply(x, g.activation(x, "tanh", "right"), "op"))],
  ["multiply", "of a value by itself", between((g, x) => g.multiply(x, x, "op"))],
  [
    "multiply",
    "by a gate",
    between((g, x) => g.multiply(x, g.activation(g.globalAvgPool(x, "pool", true), "sigmoid", "gate"), "op")),
  ],
  [
    "concat",
    "of three, one twice",
    between((g, x) => g.concat([x, g.conv2d(x, { filters: 4, kernelSize: 1 }, "middle"), x], "op")),
  ],
  ["concat", "of features", between((g, x) => g.concat([g.flatten(x, "first"), g.globalAvgPool(x, "second")], "op"))],
  ...[EDGES, UNEVEN_EDGES].map((padding) => {
    const pool = { poolSize: [3, 3], strides: [2, 2], padding } as const;
    return ["maxPool", `padded ${JSON.stringify(padding)}`, between((g, x) => g.maxPool(x, pool, "op"))] as const;
  }),
  ...POOLS.flatMap((pool) => {
    const name = `${pool.poolSize.join("x")} stride ${pool.strides.join("x")} ${pool.padding}`;
    return [
      ["maxPool", name, between((g, x) => g.append("maxPool", [x], pool, "op"))],
      ["avgPool", name, between((g, x) => g.append("avgPool", [x], pool, "op"))],
    ] as const;
  }),
  ["globalAvgPool", "to features", between((g, x) => g.globalAvgPool(x, "op"))],
  ["globalAvgPool", "keeping extents", between((g, x) => g.globalAvgPool(x, "op", true))],
  [
    "zeroPad",
    "unevenly",
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
  ["dense", "of tokens", between((g, x) => g.activation(g.dense(tokens(g, x), 9, "op"), "tanh", "tanh"))],
  [
    "dense",
    "of a map",
    between((g, x) => g.append("dense", [x], { units: 5, useBias: false, partOf: "attention" }, "op")),
  ],
  ["attention", "packed", between((g, x) => g.attention([tokens(g, x)], 3, "op"))],
  ["attention", "of patches", between((g, x) => g.attention([g.reshape(x, [4, 6, 18], "patches")], 2, "op"))],
  [
    "attention",
    "of three, with fewer keys",
    between((g, x) => {
      const short = g.reshape(x, [6, 72], "short");
      return g.attention([tokens(g, x), g.dense(short, 36, "keys"), g.dense(short, 36, "values")], 4, "op");
    }),
  ],
  ["classToken", "before tokens", between((g, x) => g.classToken(tokens(g, x), "op"))],
  ["classToken", "before rows of a map", between((g, x) => g.classToken(x, "op"))],
  ["positions", "of tokens", between((g, x) => g.activation(g.positions(tokens(g, x), "op"), "tanh", "tanh"))],
  ["layerScale", "of tokens", between((g, x) => g.layerScale(tokens(g, x), "op"))],
  ["l2Normalise", "of tokens", between((g, x) => g.l2Normalise(tokens(g, x), 1e-6, "op"))],
  ["layerNorm", "of tokens", between((g, x) => g.layerNorm(tokens(g, x), 1e-6, "op"))],
  ["activation", "gelu of tokens", between((g, x) => g.activation(tokens(g, x), "gelu", "op"))],
  ["activation", "softmax of rows", between((g, x) => activated(g, x, { function: "softmax", axis: 0 }))],
  [
    "reduce",
    "mean of tokens",
    between((g, x) => g.reduce(tokens(g, x), { function: "mean", axes: [0], keepDims: false }, "op")),
  ],
  [
    "reduce",
    "sum of rows and channels",
    between((g, x) =>
      g.activation(g.reduce(x, { function: "sum", axes: [2, 0], keepDims: true }, "op"), "tanh", "tanh"),
    ),
  ],
  [
    "rearrange",
    "to patches",
    between((g, x) => {
      const to = { split: [3, 3, 4, 2, 6], order: [1, 3, 0, 2, 4], shape: [6, 12, 6] };
      return g.activation(g.rearrange(x, to, "op"), "tanh", "tanh");
    }),
  ],
  ["slice", "of tokens", between((g, x) => g.slice(tokens(g, x), { axis: 0, begin: 2, size: 3 }, "op"))],
  ["slice", "of channels", between((g, x) => g.slice(x, { axis: 2, begin: 0, size: 4 }, "op"))],
  ["add", "of tokens and one token", between((g, x) => g.add(tokens(g, x), token(g, x), "op"))],
  [
    "add",
    "of two that are repeated",
    between((g, x) => {
      const row = token(g, x);
      return g.add(g.reshape(row, [36, 1], "column"), row, "op");
    }),
  ],
  ["multiply", "of one token and tokens", between((g, x) => g.multiply(token(g, x), tokens(g, x), "op"))],
  ["layerNorm", "of features", between((g, x) => g.append("layerNorm", [g.flatten(x, "first")], PLAIN, "op"))],
  ["affine", "by one number", between((g, x) => g.append("affine", [x], { scale: [0.5], offset: [-1] }, "op"))],
  [
    "affine",
    "by channel",
    between((g, x) => g.append("affine", [x], { scale: [1, 2, 3, 4, 5, 6], offset: [0] }, "op")),
  ],
  ["prelu", "by value", between((g, x) => g.append("prelu", [x], { sharedAxes: [] }, "op"))],
  ["prelu", "by channel", between((g, x) => g.append("prelu", [x], { sharedAxes: [0, 1] }, "op"))],
  ["prelu", "of features", between((g, x) => g.append("prelu", [g.flatten(x, "first")], { sharedAxes: [] }, "op"))],
  [
    "upsample",
    "unevenly",
    between((g, x) => g.activation(g.append("upsample", [x], { factors: [2, 3] }, "op"), "tanh", "tanh")),
  ],
  ["reshape", "to another image", between((g, x) => g.activation(g.reshape(x, [8, 9, 6], "op"), "tanh", "tanh"))],
];

test("there is a gradient test for every kind of operation", () => {
  const tested = new Set<string>([...GRAPHS.map(([kind]) => kind), "input", "dropout"]);
  assert.deepEqual(
    Object.keys(OP_TABLE).filter((kind) => !tested.has(kind)),
    [],
  );
});

for (const [kind, name, graph] of GRAPHS) {
  test(`gradients of ${kind} ${name} are those of tfjs`, async () => {
    const { weights } = randomModel(graph, 3);
    const samples = testSamples(graph, SAMPLES, CLASSES);
    const expected = tfjsGradients(graph, weights, samples);
    const actual = await engineGradients({ graph, weights, samples });
    assertSameGradients(actual.gradients, expected.gradients, 1e-4);
    assertClose(actual.loss, expected.loss, 1e-5);
  });
}
