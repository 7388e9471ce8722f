import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { median } from "./median.ts";

describe("median()", () => {
  const cases: readonly (readonly [readonly number[], number])[] = [
    [[5], 5],
    [[9, 1, 5], 5],
    [[10, 1, 2, 3], 2.5],
    [[], Number.NaN],
  ];
  for (const [values, expected] of cases) it(`of [${values}]`, () => assert.equal(median(values), expected));
});
