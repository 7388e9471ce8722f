import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { randomModel } from "../test-support/layers-format-testing.ts";
import { GraphBuilder } from "./graph-builder.ts";
import type { Model } from "./model-graph.ts";
import { withTextClasses } from "./text-classes.ts";

/** Gives an embedding of 3. */
function encoder(): Model {
  const g = new GraphBuilder("encoder", [4, 4, 3]);
  return randomModel(g.build(g.dense(g.globalAvgPool(g.input, "pool"), 3, "logits", false)), 1);
}

const TEXTS = new Map([
  ["a cat", [3, 0, 4]],
  ["a dog", [0, 2, 0]],
]);

describe("classes by their texts", () => {
  it("are the directions of their embeddings, times the scale", () => {
    const model = encoder();
    const { graph, weights } = withTextClasses(model, TEXTS, 10);
    assert.deepEqual(
      graph.nodes.slice(-3).map(({ name, kind }) => [name, kind]),
      [
        ["logits", "dense"],
        ["length", "l2Normalise"],
        ["logits_texts", "dense"],
      ],
    );
    assert.deepEqual(weights.get("logits_texts/kernel"), Float32Array.from([6, 0, 0, 10, 8, 0]));
    assert.deepEqual(weights.get("logits/kernel"), model.weights.get("logits/kernel"));
  });

  it("take the place of those that were there", () => {
    const once = withTextClasses(encoder(), TEXTS);
    const again = withTextClasses(once, new Map([...TEXTS, ["a bird", [1, 0, 0]]]));
    assert.equal(again.graph.nodes.length, once.graph.nodes.length);
    assert.equal(again.weights.get("logits_texts/kernel")?.length, 9);
  });

  it("must be as wide as the model's embedding", () => {
    assert.throws(() => withTextClasses(encoder(), new Map([...TEXTS, ["a bird", [1, 0]]])), {
      code: "invalid-argument",
      message: 'the text "a bird" has an embedding of 2 numbers; model encoder gives 3',
    });
  });
});
