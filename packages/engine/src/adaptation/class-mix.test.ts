import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRandom } from "@mpo/datasets";
import { classMixOf } from "./class-mix.ts";

const CLASSES = 4;
const COUNT = 40;

/** Logits of samples that name the first `named` classes in turn, this far ahead of the others. */
function answers(named: number, ahead: number): Float32Array {
  return Float32Array.from({ length: COUNT * CLASSES }, (_, at) => {
    return at % CLASSES === Math.floor(at / CLASSES) % named ? ahead : 0;
  });
}

describe("classMixOf()", () => {
  for (const { what, before, normalised, expected } of [
    { what: "answers spread and are unsure", before: answers(1, 3), normalised: answers(4, 1), expected: "few" },
    { what: "what was sure is less so", before: answers(2, 9), normalised: answers(4, 3), expected: "few" },
    { what: "answers spread and are sure", before: answers(1, 1), normalised: answers(4, 6), expected: "even" },
    { what: "answers are far surer than before", before: answers(2, 1.5), normalised: answers(4, 3), expected: "even" },
    { what: "as many classes are named", before: answers(4, 2), normalised: answers(4, 1), expected: "even" },
    { what: "a class is never named", before: answers(3, 9), normalised: answers(3, 9), expected: "uneven" },
  ]) {
    it(`is ${expected} where ${what}`, () => {
      assert.equal(classMixOf(before, normalised, COUNT), expected);
    });
  }

  it("takes samples that are drawn of even classes as they fall", () => {
    const random = createRandom(1);
    for (const [classes, count] of [
      [10, 64],
      [10, 500],
      [100, 128],
      [100, 512],
    ] as const) {
      for (let draw = 0; draw < 20; draw++) {
        const logits = new Float32Array(count * classes);
        for (let sample = 0; sample < count; sample++) logits[sample * classes + random.integer(classes)] = 20;
        assert.equal(classMixOf(logits, logits, count), "even", `${count} of ${classes}`);
      }
    }
  });
});
