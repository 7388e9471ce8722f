import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type HalvingCandidate, successiveHalving } from "./successive-halving.ts";

interface Named extends HalvingCandidate {
  readonly key: string;
}

const named = (keys: string, setupMs: number = 5): readonly Named[] =>
  [...keys].map((key) => ({ key, msPerStep: 10, setupMs }));

/** What each round trained, and for how many steps. Scores are by key, for each round its own; time is what was planned. */
async function roundsOf(
  candidates: readonly Named[],
  budgetMs: number,
  scores: readonly Readonly<Record<string, number>>[] = [],
  spentMs?: (round: number) => number,
): Promise<readonly { readonly keys: string; readonly steps: number; readonly spentMs: number }[]> {
  const rounds: { keys: string; steps: number; spentMs: number }[] = [];
  let spent = 0;
  let isNew = true;
  await successiveHalving(candidates, budgetMs, {
    train: (candidate, steps) => {
      if (isNew) rounds.push({ keys: "", steps, spentMs: 0 });
      isNew = false;
      const round = rounds.at(-1)!;
      spent += candidate.setupMs + steps * candidate.msPerStep;
      Object.assign(round, { keys: round.keys + candidate.key, spentMs: spent });
      return Promise.resolve(scores[rounds.length - 1]?.[candidate.key]);
    },
    spentMs: () => {
      isNew = true;
      return spentMs?.(rounds.length) ?? spent;
    },
  });
  return rounds;
}

test("successive halving keeps the better half and gives it more steps", async () => {
  const scores = [{ a: 0.1, b: 0.4, c: 0.3, d: 0.2 }, { b: 0.4, c: 0.5 }, { c: 0.5 }];
  const rounds = await roundsOf(named("abcd"), 3000, scores, (round) => 1000 * round);
  assert.deepEqual(
    rounds.map(({ keys }) => keys),
    ["abcd", "bc", "c"],
  );
  const [first = 0, second = 0, third = 0] = rounds.map(({ steps }) => steps);
  assert.equal(first, 24);
  assert.ok(first < second && second < third);
});

test("a candidate that failed is out, and lost time is taken from the rest", async () => {
  const scores = [{ a: 0.1, d: 0.2 }];
  const [, onTime] = await roundsOf(named("abcd"), 3000, scores, () => 1000);
  assert.equal(onTime?.keys, "da");
  const [, late] = await roundsOf(named("abcd"), 3000, scores, () => 2500);
  assert.ok(onTime !== undefined && late !== undefined && late.steps < onTime.steps);
  assert.equal((await roundsOf(named("abcd"), 3000, [{}], () => 1000)).length, 1);
  assert.equal((await roundsOf(named("abcd"), 3000, [{ a: 1 }], () => 2999)).length, 1);
});

test("candidates that the time does not allow are left out, least promising first", async () => {
  const [first] = await roundsOf(named("abcde", 100), 500);
  assert.equal(first?.keys, "abcd");
  const slow = { key: "a", msPerStep: 1000, setupMs: 5 };
  assert.deepEqual(await roundsOf([slow], 100), []);
  assert.deepEqual(await roundsOf([], 100), []);
});

test("where time is short, rounds are left out before candidates are", async () => {
  const scores = Array.from({ length: 5 }, () => ({ a: 1, b: 2, c: 3, d: 4, e: 5 }));
  const [short, long] = [
    await roundsOf(named("abcde", 100), 700, scores),
    await roundsOf(named("abcde", 100), 7000, scores),
  ];
  assert.deepEqual([short.length, short[0]?.keys, short[0]?.steps], [1, "abcde", 4]);
  assert.deepEqual([long.length, long[0]?.keys], [4, "abcde"]);
});

test("a whole run of successive halving keeps its budget", async () => {
  const candidates = fc.array(
    fc.record({ msPerStep: fc.integer({ min: 1, max: 50 }), setupMs: fc.integer({ min: 0, max: 20 }) }),
    { minLength: 1, maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(candidates, fc.integer({ min: 1000, max: 20000 }), async (costs, budgetMs) => {
      const all = costs.map((cost, index) => ({ key: String(index), ...cost }));
      const score = Object.fromEntries(all.map(({ key }) => [key, Number(key)]));
      const rounds = await roundsOf(
        all,
        budgetMs,
        Array.from({ length: 8 }, () => score),
      );
      const spentMs = rounds.at(-1)?.spentMs ?? 0;
      assert.ok(spentMs <= budgetMs + 1e-6, `${spentMs} of ${budgetMs} ms`);
    }),
    { seed: 1, numRuns: 200 },
  );
});
