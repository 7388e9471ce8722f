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
  ["a dense on an image", (g) => g.dense(g.input, 3, "d"), /node "d": dense has an input of shape \[8,6,4\]/],
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
