import assert from "node:assert/strict";
import { test } from "node:test";
import { type Chain, MpoError } from "@mpo/core";
import { GraphBuilder } from "../model/graph-builder.ts";
import type { ModelGraph } from "../model/model-graph.ts";
import { headOf } from "../model/model-head.ts";
import { parameterCount } from "../model/variables.ts";
import { buildModel, MODEL_NAMES } from "../model/zoo/build-model.ts";
import { everythingGraph, tokensGraph } from "../test-support/layers-format-testing.ts";
import { chainOf } from "./chain-of.ts";

const ZOO: readonly (readonly [string, ModelGraph])[] = MODEL_NAMES.flatMap((model) =>
  [32, 224].flatMap((size) =>
    (["batch", "group"] as const).map((norm) => {
      const graph = buildModel({ model, norm, inputShape: [size, size, 3], classes: 10 });
      return [`${model} ${norm} ${size}`, graph] as const;
    }),
  ),
);

const SMALL = [["everything", everythingGraph()] as const, ["tokens", tokensGraph()] as const];

for (const [name, graph] of [...ZOO, ...SMALL]) {
  test(`the units of ${name} partition its operations, and each reads nothing but its input from before`, () => {
    const chain = chainOf(graph);
    assert.deepEqual(
      chain.units.flatMap(({ firstOp, lastOp }) => chain.ops.slice(firstOp, lastOp + 1).map(({ id }) => id)),
      chain.ops.map(({ id }) => id),
    );
    chain.units.forEach((unit, index) => {
      assert.equal(unit.input, index === 0 ? chain.input : chain.units[index - 1]?.output);
      const own = new Set<number>();
      for (const op of chain.ops.slice(unit.firstOp, unit.lastOp + 1)) {
        assert.equal(op.unit, index);
        for (const value of op.inputs) {
          assert.ok(own.has(value) || value === unit.input, `${op.name} of unit ${unit.name} reads value ${value}`);
        }
        own.add(op.output);
        assert.equal(chain.values[op.output]?.unit, index);
      }
      assert.equal(unit.output, chain.ops[unit.lastOp]?.output);
    });
    assert.equal(chain.units.at(-1)?.output, chain.output);
  });

  test(`the chain of ${name} has each operation and each trainable parameter of the model`, () => {
    const chain = chainOf(graph);
    assert.deepEqual(
      chain.ops.map(({ name: op, kind }) => `${op} ${kind}`),
      headOf(graph)
        .nodes.slice(1)
        .map(({ name: node, kind }) => `${node} ${kind}`),
    );
    assert.deepEqual(
      chain.ops.flatMap(({ parameters }) => parameters),
      chain.parameters.map(({ id }) => id),
    );
    const bytes = chain.parameters.reduce((sum, parameter) => sum + parameter.bytes, 0);
    assert.equal(bytes, 4 * parameterCount(graph).trainable);
    for (const op of chain.ops) assert.ok(op.inputs.every((value) => value < op.output));
  });
}

test("the zoo's residual blocks, dense layers and inverted residuals are units of their own", () => {
  const unitsOf = (model: (typeof MODEL_NAMES)[number]): number =>
    chainOf(buildModel({ model, norm: "batch", inputShape: [32, 32, 3], classes: 10 })).units.length;
  // Stem, blocks, head.
  assert.equal(unitsOf("resnet20"), 1 + 9 + 1);
  assert.equal(unitsOf("resnet50"), 1 + 16 + 1);
  assert.equal(unitsOf("resnet101"), 1 + 33 + 1);
  assert.ok(unitsOf("densenet121") > 58, `densenet121 has ${unitsOf("densenet121")} units`);
  assert.ok(unitsOf("mobilenet-v2") > 17, `mobilenet-v2 has ${unitsOf("mobilenet-v2")} units`);
});

test("the units of a transformer end where a residual is added, and its attention is feature extraction", () => {
  const chain = chainOf(buildModel({ model: "vit-tiny", norm: "batch", inputShape: [32, 32, 3], classes: 10 }));
  const ends = chain.units.map(({ lastOp }) => chain.ops[lastOp]?.name);
  const blocks = Array.from({ length: 12 }, (_, index) => [1, 2].map((half) => `block${index + 1}_add${half}`)).flat();
  assert.deepEqual(ends, ["positions", ...blocks.slice(0, -1), "norm", "logits"]);
  const classOf = (layer: string): string | undefined =>
    chain.parameters.find((parameter) => parameter.layer === layer)?.layerClass;
  assert.deepEqual(
    ["block1_qkv", "block1_project", "class", "positions"].map(classOf),
    Array(4).fill("featureExtraction"),
  );
  assert.deepEqual(["block1_norm1", "norm"].map(classOf), Array(2).fill("normalisation"));
  assert.deepEqual(["block1_hidden", "block1_out", "logits"].map(classOf), Array(3).fill("linear"));
});

function namesOf({ ops }: Chain): readonly string[] {
  return ops.map(({ name }) => name);
}

test("a convolution that makes the logits is of the class of dense layers, which SHOT leaves as they are", () => {
  const g = new GraphBuilder("conv-head", [4, 4, 2]);
  const inner = g.conv2d(g.input, { filters: 3, kernelSize: 1 }, "inner");
  const logits = g.conv2d(g.globalAvgPool(inner, "pool", true), { filters: 2, kernelSize: 1 }, "logits");
  assert.deepEqual(
    chainOf(g.build(g.flatten(logits, "flat"))).parameters.map(({ layerClass }) => layerClass),
    ["featureExtraction", "linear"],
  );
});

test("a final softmax is left out, any other stays", () => {
  const g = new GraphBuilder("softmax", [4]);
  const inner = g.activation(g.dense(g.input, 3, "first"), "softmax", "inner");
  const logits = g.dense(inner, 2, "logits");
  assert.deepEqual(namesOf(chainOf(g.build(g.activation(logits, "softmax", "final")))), ["first", "inner", "logits"]);
});

test("a graph whose output is not its last node, or with a dead end, is refused", () => {
  const g = new GraphBuilder("dead-end", [4]);
  const first = g.dense(g.input, 3, "first");
  g.dense(first, 3, "unused");
  const last = g.dense(first, 2, "last");
  const dead = { name: "dead-end", nodes: [...linear().nodes], output: "first" };
  for (const build of [() => chainOf(g.build(last)), () => chainOf(dead)]) {
    assert.throws(build, (error: unknown) => error instanceof MpoError && error.code === "invalid-argument");
  }
});

function linear(): ModelGraph {
  const g = new GraphBuilder("linear", [4]);
  return g.build(g.dense(g.dense(g.input, 3, "first"), 2, "last"));
}
