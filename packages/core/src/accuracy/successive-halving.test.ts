import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MpoError } from "../facts/mpo-error.ts";
import { type HalvingCandidate, nextRound, planHalving } from "./successive-halving.ts";

const candidate = (key: string, msPerStep: number, setupMs: number = 5): HalvingCandidate => ({
  key,
  msPerStep,
  setupMs,
});

test("successive halving keeps the better half and gives it more steps", () => {
  const plan = planHalving(
    ["a", "b", "c", "d"].map((key) => candidate(key, 10)),
    3000,
  );
  assert.equal(plan.rounds, 3);
  assert.equal(plan.first.steps, 24);
  const second = nextRound(
    plan,
    plan.first,
    new Map([
      ["a", 0.1],
      ["b", 0.4],
      ["c", 0.3],
      ["d", 0.2],
    ]),
    1000,
  );
  assert.deepEqual(
    second?.candidates.map(({ key }) => key),
    ["b", "c"],
  );
  assert.ok(second !== undefined && second.steps > plan.first.steps);
  const third = nextRound(
    plan,
    second,
    new Map([
      ["b", 0.4],
      ["c", 0.5],
    ]),
    2000,
  );
  assert.deepEqual(
    third?.candidates.map(({ key }) => key),
    ["c"],
  );
  assert.ok(third !== undefined && nextRound(plan, third, new Map([["c", 0.5]]), 3000) === undefined);
});

test("a candidate that failed is out, and lost time is taken from the rest", () => {
  const plan = planHalving(
    ["a", "b", "c", "d"].map((key) => candidate(key, 10)),
    3000,
  );
  const onTime = nextRound(
    plan,
    plan.first,
    new Map([
      ["a", 0.1],
      ["d", 0.2],
    ]),
    1000,
  );
  assert.deepEqual(
    onTime?.candidates.map(({ key }) => key),
    ["d", "a"],
  );
  const late = nextRound(
    plan,
    plan.first,
    new Map([
      ["a", 0.1],
      ["d", 0.2],
    ]),
    2500,
  );
  assert.ok(onTime !== undefined && late !== undefined && late.steps < onTime.steps);
  assert.equal(nextRound(plan, plan.first, new Map(), 1000), undefined);
  assert.equal(nextRound(plan, plan.first, new Map([["a", 1]]), 2999), undefined);
});

test("candidates that the time does not allow are left out, least promising first", () => {
  const plan = planHalving(
    ["a", "b", "c", "d", "e"].map((key) => candidate(key, 10, 100)),
    500,
  );
  assert.deepEqual(
    plan.leftOut.map(({ key }) => key),
    ["e"],
  );
  assert.throws(
    () => planHalving([candidate("a", 1000)], 100),
    (error: unknown) =>
      error instanceof MpoError && error.code === "over-budget" && /100 ms is too short to try a/.test(error.message),
  );
  assert.throws(() => planHalving([], 100), MpoError);
});

test("where time is short, rounds are left out before candidates are", () => {
  const all = ["a", "b", "c", "d", "e"].map((key) => candidate(key, 10, 100));
  const [short, long] = [planHalving(all, 700), planHalving(all, 7000)];
  assert.deepEqual([short.rounds, short.first.candidates.length, short.first.steps], [1, 5, 4]);
  assert.deepEqual([long.rounds, long.first.candidates.length], [4, 5]);
});

test("a whole run of successive halving keeps its budget", () => {
  const candidates = fc.array(
    fc.record({ msPerStep: fc.integer({ min: 1, max: 50 }), setupMs: fc.integer({ min: 0, max: 20 }) }),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(candidates, fc.integer({ min: 1000, max: 20000 }), (costs, budgetMs) => {
      const plan = planHalving(
        costs.map((cost, index) => ({ key: String(index), ...cost })),
        budgetMs,
      );
      let spentMs = 0;
      let round: ReturnType<typeof nextRound> = plan.first;
      while (round !== undefined) {
        const { steps } = round;
        spentMs += round.candidates.reduce((sum, { msPerStep, setupMs }) => sum + setupMs + steps * msPerStep, 0);
        round = nextRound(plan, round, new Map(round.candidates.map(({ key }) => [key, Number(key)])), spentMs);
      }
      assert.ok(spentMs <= budgetMs + 1e-6, `${spentMs} of ${budgetMs} ms`);
    }),
    { seed: 1, numRuns: 200 },
  );
});
