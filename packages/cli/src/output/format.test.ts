import assert from "node:assert/strict";
import { it } from "node:test";
import { accuracyIntervalOf, formatJudged } from "./format.ts";

it("an estimate has the same interval in words as in a record", () => {
  const window = { accuracyAfter: 0.655, judgement: "label-free", judgedSamples: 256 } as const;
  const { accuracyInterval } = accuracyIntervalOf(window);
  assert.equal(formatJudged(0.655, window), "about 65.5 % (47.2 to 77.6)");
  assert.equal((100 * (accuracyInterval?.lower ?? 0)).toFixed(1), "47.2");
  assert.deepEqual(accuracyIntervalOf({ ...window, judgement: "labels" }), {});
});
