import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { accuracyOf, predictedClasses } from "./evaluate.ts";

describe("accuracyOf()", () => {
  const logits = Float32Array.of(1, 3, 2, 9, 0, 0, -5, -4, -3);

  it("counts the rows whose largest entry is at the label", () => {
    assert.deepEqual([...predictedClasses(logits, 3)], [1, 0, 2]);
    assert.equal(accuracyOf(logits, Int32Array.of(1, 0, 2)), 1);
    assert.equal(accuracyOf(logits, Int32Array.of(0, 0, 0)), 1 / 3);
  });

  it("refuses what does not fit", () => {
    assert.throws(() => accuracyOf(logits, Int32Array.of(0, 1)), { code: "invalid-argument" });
    assert.throws(() => accuracyOf(logits, new Int32Array(0)), { code: "invalid-argument" });
  });
});
