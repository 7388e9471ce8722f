import assert from "node:assert/strict";
import { it } from "node:test";
import { byteTicks, factorTicks, ticksOf } from "./ticks.ts";

it("ticks are round, within the range, and about as many as asked for", () => {
  assert.deepEqual(ticksOf(0, 1, 5), [0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]);
  assert.deepEqual(ticksOf(3, 97, 5), [20, 40, 60, 80]);
  assert.deepEqual(ticksOf(7, 7, 5), [7]);
});

it("ticks of sizes are round in the unit that is shown", () => {
  assert.deepEqual(
    byteTicks(0, 10 * 2 ** 20, 5).map((tick) => tick / 2 ** 20),
    [0, 2, 4, 6, 8, 10],
  );
  assert.deepEqual(
    byteTicks(0, 4 * 2 ** 30, 4).map((tick) => tick / 2 ** 30),
    [0, 1, 2, 3, 4],
  );
});

it("ticks of a scale by factors are 1, 2, 5 and 10, powers of two in bytes, and fewer where it is long", () => {
  assert.deepEqual(factorTicks(0.9, 12, 5, false), [1, 2, 5, 10]);
  assert.deepEqual(factorTicks(0.5, 2e5, 5, false), [1, 10, 100, 1_000, 10_000, 100_000]);
  assert.deepEqual(factorTicks(130, 160, 5, false), [130, 140, 150, 160]);
  const mebibytes = (low: number, high: number): readonly number[] =>
    factorTicks(low * 2 ** 20, high * 2 ** 20, 5, true).map((tick) => tick / 2 ** 20);
  assert.deepEqual(mebibytes(3, 70), [4, 8, 16, 32, 64]);
  assert.deepEqual(mebibytes(1, 2_048), [1, 4, 16, 64, 256, 1_024]);
});
