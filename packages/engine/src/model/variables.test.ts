import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "@mpo/datasets";
import { GraphBuilder } from "./graph-builder.ts";
import { initialValues } from "./initializers.ts";
import type { ModelGraph } from "./model-graph.ts";
import { graphVariables, initialWeights, parameterCount } from "./variables.ts";

function smallGraph(): ModelGraph {
  const g = new GraphBuilder("small", [8, 8, 4]);
  const conv = g.conv2d(g.input, { filters: 8, kernelSize: 3, groups: 2, useBias: true }, "a/conv");
  const wide = g.depthwiseConv2d(
    g.batchNorm(conv, { epsilon: 1e-3, momentum: 0.9 }, "norm"),
    { kernelSize: 3 },
    "deep",
  );
  const normed = g.groupNorm(wide, { groups: 4, epsilon: 1e-5 }, "groups");
  return g.build(g.dense(g.globalAvgPool(normed, "pool"), 3, "logits"));
}

void test("variables are named and ordered", () => {
  assert.deepEqual(
    graphVariables(smallGraph()).map(({ name, node, spec }) => [name, node, spec.shape]),
    [
      ["a/conv/kernel", "a/conv", [3, 3, 2, 8]],
      ["a/conv/bias", "a/conv", [8]],
      ["norm/gamma", "norm", [8]],
      ["norm/beta", "norm", [8]],
      ["norm/moving_mean", "norm", [8]],
      ["norm/moving_variance", "norm", [8]],
      ["deep/depthwise_kernel", "deep", [3, 3, 8, 1]],
      ["groups/gamma", "groups", [8]],
      ["groups/beta", "groups", [8]],
      ["logits/kernel", "logits", [8, 3]],
      ["logits/bias", "logits", [3]],
    ],
  );
  assert.deepEqual(parameterCount(smallGraph()), { trainable: 144 + 8 + 16 + 72 + 16 + 27, total: 283 + 16 });
});

void test("initial weights follow the seed", () => {
  const [first, again, other] = [7, 7, 8].map((seed) => initialWeights(smallGraph(), seed));
  assert.deepEqual(first, again);
  assert.notDeepEqual(first, other);
  assert.ok(first?.get("norm/gamma")?.every((value) => value === 1));
  assert.ok(first?.get("norm/moving_mean")?.every((value) => value === 0));
  assert.ok(first?.get("logits/bias")?.every((value) => value === 0));
  assert.throws(() => initialWeights(smallGraph(), 0.5), { code: "invalid-argument" });
});

for (const { spec, variance, limit } of [
  { spec: { name: "kernel", shape: [3, 3, 32, 64], initializer: "heNormal" }, variance: 2 / 288, limit: 0.1895 },
  {
    spec: { name: "depthwise_kernel", shape: [5, 5, 512, 1], initializer: "heNormal" },
    variance: 2 / 25,
    limit: 0.6431,
  },
  { spec: { name: "kernel", shape: [100, 200], initializer: "glorotUniform" }, variance: 2 / 300, limit: 0.14143 },
] as const) {
  void test(`${spec.initializer} of [${spec.shape}] has its variance and bound`, () => {
    const values = initialValues({ ...spec, trainable: true }, createRandom(3));
    const measured = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    assert.ok(Math.abs(measured / variance - 1) < 0.05, `${measured} is not near ${variance}`);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    assert.ok(largest <= limit && largest > 0.98 * limit, `${largest} is not just below ${limit}`);
  });
}
