import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pseudoLabels } from "./pseudo-labels.ts";

describe("pseudoLabels()", () => {
  it("corrects a prediction that disagrees with where its features lie", () => {
    // Two clusters, one on each axis; the last sample lies in the second but is predicted as the first.
    const features = Float32Array.of(9, 0, 8, 1, 9, 1, 0, 9, 1, 8, 1, 9);
    const logits = Float32Array.of(3, 0, 3, 0, 3, 0, 0, 3, 0, 3, 1, 0);
    assert.deepEqual([...pseudoLabels(features, logits, 6)], [0, 0, 0, 1, 1, 1]);
  });

  it("gives no sample to a class that none is nearest to", () => {
    const features = Float32Array.of(5, 0, 6, 0, 0, 5);
    const logits = Float32Array.of(4, 0, -9, 4, 0, -9, 0, 4, -9);
    assert.deepEqual([...pseudoLabels(features, logits, 3)], [0, 0, 1]);
  });

  it("survives features that are all zero", () => {
    assert.equal(pseudoLabels(new Float32Array(4), Float32Array.of(1, 0, 0, 1), 2).length, 2);
  });

  it("refuses rows that are not whole", () => {
    assert.throws(() => pseudoLabels(new Float32Array(5), new Float32Array(4), 2), { code: "invalid-argument" });
    assert.throws(() => pseudoLabels(new Float32Array(0), new Float32Array(0), 0), { code: "invalid-argument" });
  });
});
