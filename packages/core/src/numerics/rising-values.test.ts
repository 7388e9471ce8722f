import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { risingValues } from "./rising-values.ts";

describe("risingValues()", () => {
  for (const { what, values, deviations, expected } of [
    { what: "leaves what rises", values: [1, 2, 3], deviations: [1, 1, 1], expected: [1, 2, 3] },
    { what: "takes a small fall for chance", values: [2, 1], deviations: [1, 1], expected: [1.5, 1.5] },
    { what: "goes by how sure they are", values: [2, 1], deviations: [0.5, 1], expected: [1.8, 1.8] },
    { what: "believes a clear fall", values: [2, 1], deviations: [0.1, 0.1], expected: [2, 1] },
    { what: "pools further back", values: [1, 3, 0], deviations: [1, 1, 1.5], expected: [1, 2.076923, 2.076923] },
    { what: "keeps what is known", values: [1, 0.5], deviations: [0, 1], expected: [1, 1] },
    { what: "has nothing for none", values: [], deviations: [], expected: [] },
  ]) {
    it(what, () => {
      const found = risingValues(values.map((value, at) => ({ value, deviation: deviations[at] ?? 0 })));
      assert.deepEqual(
        found.map((value) => Number(value.toFixed(6))),
        expected,
      );
    });
  }
});
