import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { withFolder } from "../test-support/layers-format-testing.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { readLayersModel } from "./layers-format/read-layers-model.ts";
import type { ModelGraph } from "./model-graph.ts";
import { headOf } from "./model-head.ts";

const CLASSES = 3;

/** A model whose last layers `end` puts on features `[6]` of a map `[2, 2, 6]`. */
function ending(end: (g: GraphBuilder, features: string) => string): ModelGraph {
  return endingOnMap((g, map) => end(g, g.globalAvgPool(map, "pool")));
}

function endingOnMap(end: (g: GraphBuilder, map: string) => string): ModelGraph {
  const g = new GraphBuilder("net", [4, 4, 2]);
  const map = g.activation(g.conv2d(g.input, { filters: 6, kernelSize: 3, strides: 2 }, "conv"), "relu", "relu");
  return g.build(end(g, map));
}

/** What ends a model, and what its head is: the last node before the logits, the ending, the classes, the classifier. */
const HEADS: readonly (readonly [string, ModelGraph, readonly unknown[]])[] = [
  ["logits", ending((g, x) => g.dense(x, CLASSES, "fc")), ["fc", undefined, 3, "fc"]],
  [
    "logits that are normalised",
    ending((g, x) =>
      g.flatten(
        g.batchNorm(g.reshape(g.dense(x, CLASSES, "fc"), [1, 1, CLASSES], "map"), { epsilon: 1, momentum: 0 }, "bn"),
        "flat",
      ),
    ),
    ["flat", undefined, 3, undefined],
  ],
  [
    "a softmax with everything behind it",
    ending((g, x) => {
      const softmax = g.activation(g.dropout(g.dense(x, CLASSES, "fc"), 0.1, "before"), "softmax", "softmax");
      const square = g.dropout(g.reshape(softmax, [1, 1, CLASSES], "square"), 0.5, "after");
      return g.activation(g.flatten(square, "flat"), "linear", "linear");
    }),
    ["flat", "softmax", 3, "fc"],
  ],
  [
    "a softmax of a convolution",
    ending((g, x) => {
      const map = g.conv2d(g.reshape(x, [1, 1, 6], "map"), { filters: CLASSES, kernelSize: 1 }, "preds");
      return g.flatten(g.activation(map, "softmax", "softmax"), "flat");
    }),
    ["flat", "softmax", 3, "preds"],
  ],
  [
    "a wide convolution",
    ending((g, x) => {
      const map = g.conv2d(g.reshape(x, [1, 1, 6], "map"), { filters: CLASSES, kernelSize: 3 }, "preds");
      return g.flatten(map, "flat");
    }),
    ["flat", undefined, 3, undefined],
  ],
  [
    "a dense layer inside, a convolution at the end",
    endingOnMap((g, map) => {
      const gate = g.activation(g.dense(g.globalAvgPool(map, "pool"), 6, "gate"), "sigmoid", "sigmoid");
      const gated = g.multiply(map, g.reshape(gate, [1, 1, 6], "gate_map"), "gated");
      const preds = g.globalAvgPool(g.conv2d(gated, { filters: CLASSES, kernelSize: 1 }, "preds"), "means");
      return g.activation(preds, "softmax", "softmax");
    }),
    ["means", "softmax", 3, undefined],
  ],
  [
    "one sigmoid",
    ending((g, x) => g.activation(g.dense(x, 1, "fc"), "sigmoid", "sigmoid")),
    ["fc", "sigmoid", 2, "fc"],
  ],
];

for (const [name, graph, expected] of HEADS) {
  void test(`the head is found: ${name}`, () => {
    const { nodes, ending: activation, classes, classifier } = headOf(graph);
    assert.deepEqual([nodes.at(-1)?.name, activation, classes, classifier], expected);
    const known = new Set(nodes.map((node) => node.name));
    assert.ok(nodes.every((node) => node.inputs.every((input) => known.has(input))));
  });
}

const REFUSED: readonly (readonly [string, () => ModelGraph, RegExp])[] = [
  ["several sigmoids", () => ending((g, x) => g.activation(g.dense(x, 3, "fc"), "sigmoid", "end")), /3 sigmoids/u],
  ["one number", () => ending((g, x) => g.dense(x, 1, "fc")), /no sigmoid/u],
  ["a softmax of one", () => ending((g, x) => g.activation(g.dense(x, 1, "fc"), "softmax", "end")), /softmaxes of 1/u],
  ["tanh", () => ending((g, x) => g.activation(g.dense(x, 3, "fc"), "tanh", "end")), /"end" \(tanh\)/u],
  ["features", () => ending((_, x) => x), /"relu" \(relu\), with no dense layer since/u],
  [
    "a softmax at each pixel",
    () => endingOnMap((g, map) => g.flatten(g.activation(map, "softmax", "end"), "flat")),
    /24 outputs are in softmaxes of 6/u,
  ],
  [
    "a mean of softmaxes",
    () => endingOnMap((g, map) => g.globalAvgPool(g.activation(map, "softmax", "end"), "mean")),
    /"end" \(softmax\)/u,
  ],
  [
    "a sum of softmaxes",
    () =>
      ending((g, x) => {
        const [left, right] = ["left", "right"].map((side) =>
          g.activation(g.dense(x, 3, `${side}_fc`), "softmax", side),
        );
        return g.add(left!, right!, "sum");
      }),
    /"right" \(softmax\)/u,
  ],
];

for (const [name, build, message] of REFUSED) {
  void test(`a head that cannot be undone is refused: ${name}`, () => {
    assert.throws(build, { name: "MpoError", code: "unsupported", message, hint: /Supported are models that end in/u });
  });
}

void test("a file with such a head is refused by its name", () =>
  withFolder(async (folder) => {
    await cp(fileURLToPath(new URL("../../cases/models/binary/", import.meta.url)), folder, { recursive: true });
    const path = join(folder, "model.json");
    const text = await readFile(path, "utf8");
    const edits = [
      [/"units": ?1,/u, '"units": 3,', /model\.json: model "sequential_2" gives no classes: it ends in 3 sigmoids/u],
      [/"activation": ?"sigmoid"/u, '"activation": "linear"', /its one output has no sigmoid/u],
    ] as const;
    for (const [from, to, message] of edits) {
      assert.match(text, from);
      await writeFile(path, text.replace(from, to));
      await assert.rejects(readLayersModel(path), { code: "unsupported", message, hint: /Supported are/u });
    }
  }));
