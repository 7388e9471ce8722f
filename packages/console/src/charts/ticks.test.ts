import assert from "node:assert/strict";
import { it } from "node:test";
import { byteTicks, ticksOf } from "./ticks.ts";

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
