import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { initialWeights } from "../model/variables.ts";
import { buildModel } from "../model/zoo/build-model.ts";
import { smallModel } from "../test-support/small-training.ts";
import { areOfFewClasses, withStatisticsOf } from "./few-classes.ts";

const CLASSES = 4;
const COUNT = 40;

/** Logits of samples that name the first `named` classes in turn, this far ahead of the others. */
function answers(named: number, ahead: number): Float32Array {
  return Float32Array.from({ length: COUNT * CLASSES }, (_, at) => {
    return at % CLASSES === Math.floor(at / CLASSES) % named ? ahead : 0;
  });
}

describe("samples of few classes", () => {
  for (const { what, before, normalised, isFew } of [
    { what: "answers spread and are unsure", before: answers(1, 3), normalised: answers(4, 1), isFew: true },
    { what: "what was sure is less so", before: answers(2, 9), normalised: answers(4, 3), isFew: true },
    { what: "answers spread and are sure", before: answers(1, 1), normalised: answers(4, 6), isFew: false },
    { what: "answers are far surer than before", before: answers(2, 1.5), normalised: answers(4, 3), isFew: false },
    { what: "as many classes are named", before: answers(4, 2), normalised: answers(4, 1), isFew: false },
  ]) {
    it(`${isFew ? "are seen" : "are not seen"} where ${what}`, () => {
      assert.equal(areOfFewClasses(before, normalised, COUNT), isFew);
    });
  }
});

describe("withStatisticsOf()", () => {
  it("takes moving statistics and leaves what trains", () => {
    const { graph, weights } = smallModel();
    const others = new Map([...weights].map(([name, values]) => [name, values.map((value) => value + 1)]));
    const found = withStatisticsOf(graph, weights, others) ?? assert.fail();
    for (const [name, values] of found) {
      const from = /moving_(mean|variance)$/u.test(name) ? others : weights;
      assert.deepEqual(values, from.get(name), name);
    }
  });

  it("is nothing where a model has none", () => {
    const graph = buildModel({ model: "resnet20", norm: "group", inputShape: [8, 8, 3], classes: 2 });
    const weights = initialWeights(graph, 1);
    assert.equal(withStatisticsOf(graph, weights, weights), undefined);
  });
});
