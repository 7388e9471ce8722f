import assert from "node:assert/strict";
import { test } from "node:test";
import { GraphBuilder } from "./graph-builder.ts";
import { sampleShapes } from "./graph-shapes.ts";
import type { ModelGraph } from "./model-graph.ts";
import { validateGraph } from "./validate-graph.ts";

function builder(): GraphBuilder {
  return new GraphBuilder("small", [8, 6, 4]);
}

void test("a built graph has its nodes, defaults and shapes", () => {
  const g = builder();
  const conv = g.conv2d(g.input, { filters: 6, kernelSize: 3, strides: [2, 1], groups: 2 }, "conv");
  const wide = g.depthwiseConv2d(conv, { kernelSize: [1, 3], depthMultiplier: 2, padding: "valid" }, "wide");
  const padded = g.zeroPad(
    wide,
    [
      [1, 0],
      [2, 0],
    ],
    "padded",
  );
  const pooled = g.maxPool(padded, { poolSize: 2 }, "pooled");
  const gate = g.globalAvgPool(pooled, "gate", true);
  const graph = g.build(g.dense(g.flatten(g.multiply(pooled, gate, "gated"), "flat"), 3, "logits"));

  assert.deepEqual(Object.fromEntries(sampleShapes(graph)), {
    input: [8, 6, 4],
    conv: [4, 6, 6],
    wide: [4, 4, 12],
    padded: [5, 6, 12],
    pooled: [3, 3, 12],
    gate: [1, 1, 12],
    gated: [3, 3, 12],
    flat: [108],
    logits: [3],
  });
  assert.deepEqual(graph.nodes[1], {
    name: "conv",
    kind: "conv2d",
    inputs: ["input"],
    attributes: {
      filters: 6,
      kernelSize: [3, 3],
      strides: [2, 1],
      padding: "same",
      dilation: [1, 1],
      groups: 2,
      useBias: false,
    },
  });
});

/** `[16, 12]`. */
function tokensOf(g: GraphBuilder): string {
  return g.reshape(g.input, [16, 12], "tokens");
}

const MISTAKES: readonly (readonly [string, (g: GraphBuilder) => void, RegExp])[] = [
  ["a name twice", (g) => g.activation(g.activation(g.input, "relu", "a"), "relu", "a"), /second node is named "a"/],
  ["an unknown input", (g) => g.activation("nowhere", "relu", "a"), /"a" reads "nowhere"/],
  [
    "a fractional extent",
    (g) => g.conv2d(g.input, { filters: 1.5, kernelSize: 3 }, "c"),
    /"c" \(conv2d\) has filters 1.5/,
  ],
  [
    "groups that do not divide",
    (g) => g.conv2d(g.input, { filters: 6, kernelSize: 1, groups: 4 }, "c"),
    /4 groups; expected a divisor of 4 input channels and 6/,
  ],
  [
    "a window too large",
    (g) => g.avgPool(g.input, { poolSize: 9, padding: "valid" }, "p"),
    /node "p": pooling: a window of 9/,
  ],
  [
    "an add of shapes that do not fit",
    (g) => g.add(g.input, g.slice(g.input, { axis: 2, begin: 0, size: 2 }, "s"), "a"),
    /node "a": add has inputs of shapes \[8,6,4\] and \[8,6,2\]/,
  ],
  ["heads that do not divide", (g) => g.attention([tokensOf(g)], 3, "a"), /3 heads do not divide a width of 4/],
  ["an attention of two", (g) => g.attention([tokensOf(g), g.input], 1, "a"), /shapes \[16,12\], \[8,6,4\]; expected/],
  [
    "an attention without a scale",
    (g) => g.append("attention", [tokensOf(g)], { heads: 1, scale: Number.NaN }, "a"),
    /scale NaN/,
  ],
  ["a class token of features", (g) => g.classToken(g.flatten(g.input, "f"), "c"), /expected \[..., tokens, width\]/],
  ["a slice beyond the end", (g) => g.slice(g.input, { axis: 1, begin: 4, size: 3 }, "s"), /3 from 4 on does not fit/],
  [
    "an axis that is not there",
    (g) => g.reduce(g.input, { function: "mean", axes: [3], keepDims: false }, "r"),
    /axes \[3\] for a sample of shape \[8,6,4\]/,
  ],
  [
    "an order of other axes",
    (g) => g.rearrange(g.input, { split: [8, 6, 4], order: [0, 1, 1], shape: [8, 6, 4] }, "r"),
    /order \[0,1,1\] for \[8,6,4\]/,
  ],
  [
    "a softmax over an axis that is not there",
    (g) => g.append("activation", [g.input], { function: "softmax", axis: 3 }, "s"),
    /axis 3 for a sample/,
  ],
  ["one concat input", (g) => g.concat([g.input], "c"), /has 1 inputs; expected at least 2/],
  ["a bad epsilon", (g) => g.batchNorm(g.input, { epsilon: 0, momentum: 0.9 }, "b"), /epsilon 0/],
  ["a bad momentum", (g) => g.batchNorm(g.input, { epsilon: 1, momentum: 1.1 }, "b"), /momentum 1.1/],
  [
    "negative padding",
    (g) =>
      g.zeroPad(
        g.input,
        [
          [0, -1],
          [0, 0],
        ],
        "z",
      ),
    /expected 0 or more/,
  ],
  [
    "an image as output",
    (g) => g.build(g.activation(g.input, "relu", "a")),
    /has shape \[8,6,4\] for a sample; expected \[classes\]/,
  ],
  ["an unknown output", (g) => g.build("nowhere"), /"nowhere" is not one of its nodes/],
  ["an unknown shape", (g) => g.shapeOf("nowhere"), /there is no node "nowhere" yet/],
  [
    "a dead end",
    (g) => {
      g.activation(g.input, "relu", "dead");
      g.build(g.flatten(g.input, "flat"));
    },
    /"dead" \(activation\) is not used/,
  ],
];

for (const [what, mistake, message] of MISTAKES) {
  void test(`${what} is refused`, () => {
    assert.throws(() => mistake(builder()), { code: "invalid-argument", message });
  });
}

void test("a graph from elsewhere is checked for order, names and its input", () => {
  const g = builder();
  const graph = g.build(g.dense(g.flatten(g.input, "flat"), 3, "logits"));
  const [input, flat, logits] = graph.nodes as readonly [
    ModelGraph["nodes"][0],
    ModelGraph["nodes"][0],
    ModelGraph["nodes"][0],
  ];
  const refused = (nodes: ModelGraph["nodes"], message: RegExp): void => {
    assert.throws(() => validateGraph({ ...graph, nodes }), { code: "invalid-argument", message });
  };
  validateGraph(graph);
  refused([input, logits, flat], /"logits" reads "flat"/);
  refused([flat, logits], /expected one input, and as the first node/);
  refused([input, { ...input, name: "more" }, flat, logits], /"more" \(input\) is at position 1/);
  refused([input, flat, flat, logits], /name of an earlier node/);
  refused([{ ...input, name: "my input" }], /letters, digits/);
});
