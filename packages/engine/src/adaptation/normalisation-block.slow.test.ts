import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAX_NORMALISATION_BYTES } from "@mpo/core";
import { GraphBuilder } from "../model/graph-builder.ts";
import type { Model } from "../model/model-graph.ts";
import { initialWeights } from "../model/variables.ts";
import { buildModel } from "../model/zoo/build-model.ts";
import { smallModel } from "../test-support/small-training.ts";
import { normalisationOf, withNormalisation } from "./normalisation-block.ts";

const NORM = ["norm/gamma", "norm/beta", "norm/moving_mean", "norm/moving_variance"];

/** The small model with other numbers everywhere. */
function changed(scale: number): Model {
  const { graph, weights } = smallModel();
  const values = [...weights].map(([name, all]) => [name, all.map((_, at) => scale * (at + 1))] as const);
  return { graph, weights: new Map(values) };
}

describe("normalisation parameters of a model", () => {
  it("go into another one, and nothing else does", () => {
    const [from, to] = [changed(0.3), smallModel()];
    const block = normalisationOf(from) ?? assert.fail();
    assert.equal(block.length, 33 + 4 * 8 * 2);
    const weights = withNormalisation(to, block);
    for (const [name, values] of weights) {
      const expected = (NORM.includes(name) ? from : to).weights.get(name) ?? assert.fail();
      for (const [at, value] of values.entries()) {
        assert.ok(Math.abs(value - (expected[at] ?? 0)) <= 0.001 * Math.abs(value), name);
      }
    }
    assert.deepEqual([...weights.keys()], [...to.weights.keys()]);
  });

  it("are in single precision where a number is too large for half", () => {
    const from = changed(70_000);
    const block = normalisationOf(from) ?? assert.fail();
    assert.equal(block.length, 33 + 4 * 8 * 4);
    assert.deepEqual(withNormalisation(smallModel(), block).get("norm/gamma"), from.weights.get("norm/gamma"));
  });

  it("are refused by another graph, and when they are not what was read out", () => {
    const block = normalisationOf(changed(1)) ?? assert.fail();
    const resnet = buildModel({ model: "resnet20", norm: "batch", inputShape: [32, 32, 3], classes: 10 });
    const other = { graph: resnet, weights: initialWeights(resnet, 1) };
    assert.throws(() => withNormalisation(other, block), { code: "precondition-failed" });
    assert.throws(() => withNormalisation(smallModel(), block.subarray(0, -1)), { code: "invalid-data" });
    const odd = Buffer.from(block);
    odd[32] = 3;
    assert.throws(() => withNormalisation(smallModel(), odd), { code: "invalid-data" });
    const [notANumber, negative] = [Buffer.from(block), Buffer.from(block)];
    notANumber.writeUInt16LE(0x7e00, 33);
    negative.writeUInt16LE(0xbc00, block.length - 2);
    for (const bad of [notANumber, negative]) {
      assert.throws(() => withNormalisation(smallModel(), bad), { code: "invalid-data", message: /^norm\// });
    }
  });

  it("are few, or none", () => {
    const g = new GraphBuilder("plain", [8, 8, 2]);
    const graph = g.build(g.dense(g.globalAvgPool(g.input, "pool"), 2, "logits"));
    assert.equal(normalisationOf({ graph, weights: initialWeights(graph, 1) }), undefined);
    for (const model of ["resnet20", "resnet50", "mobilenet-v2", "densenet121"] as const) {
      const large = buildModel({ model, norm: "batch", inputShape: [224, 224, 3], classes: 1000 });
      const { length } = normalisationOf({ graph: large, weights: initialWeights(large, 1) }) ?? assert.fail(model);
      assert.ok(length <= MAX_NORMALISATION_BYTES, `${model}: ${length}`);
    }
  });
});
