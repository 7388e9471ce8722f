import assert from "node:assert/strict";
import { test } from "node:test";
import { consistentTimes } from "./consistent-times.ts";

const sample = (unit: number, microBatch: number, ms: number) => {
  return { unit, microBatch, forwardMs: [ms, ms], backwardMs: [2 * ms, 2 * ms] };
};

test("consistentTimes leaves out a small micro-batch that took longer than a larger one could", () => {
  const good = [sample(0, 1, 1), sample(0, 4, 2), sample(0, 16, 6), sample(1, 1, 9), sample(1, 16, 8)];
  const spoilt = sample(1, 4, 40);
  assert.deepEqual(consistentTimes([...good, spoilt]), good);
});
