import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fillKnapsack, type KnapsackItem } from "./knapsack.ts";

const item = (most: number): fc.Arbitrary<KnapsackItem> =>
  fc.record({ value: fc.nat(most), weights: fc.tuple(fc.nat(most), fc.nat(most)) });

function totals(items: readonly KnapsackItem[], chosen: readonly number[]): readonly [number, number, number] {
  const sum = (of: (one: KnapsackItem) => number): number =>
    chosen.reduce((total, index) => total + of(items[index] as KnapsackItem), 0);
  return [sum(({ value }) => value), sum(({ weights }) => weights[0]), sum(({ weights }) => weights[1])];
}

void test("of a few items the best of all packings is found", () => {
  fc.assert(
    fc.property(
      fc.array(item(20), { maxLength: 10 }),
      fc.tuple(fc.nat(60), fc.nat(60)),
      (items, limits: [number, number]) => {
        let best = 0;
        for (let mask = 0; mask < 2 ** items.length; mask++) {
          const chosen = [...items.keys()].filter((index) => mask & (1 << index));
          const [value, first, second] = totals(items, chosen);
          if (first <= limits[0] && second <= limits[1]) best = Math.max(best, value);
        }
        const [value, first, second] = totals(items, fillKnapsack(items, limits));
        assert.equal(value, best);
        assert.ok(first <= limits[0] && second <= limits[1]);
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});

void test("of many items a packing is found that keeps the limits and is near the bound of fractions", () => {
  fc.assert(
    fc.property(fc.array(item(1_000_000), { minLength: 60, maxLength: 80 }), (items) => {
      const [, first, second] = totals(items, [...items.keys()]);
      const limits = [first / 3, second / 3] as const;
      const [value, ...taken] = totals(items, fillKnapsack(items, limits));
      assert.ok(taken[0] <= limits[0] && taken[1] <= limits[1]);
      // Of one limit alone, with parts of items: more than this no packing has.
      const bound = Math.min(...([0, 1] as const).map((limit) => fractionalValue(items, limit, limits[limit])));
      assert.ok(value > 0.75 * bound, `${value} of at most ${bound}`);
    }),
    { seed: 2, numRuns: 5 },
  );
});

function fractionalValue(items: readonly KnapsackItem[], limit: 0 | 1, room: number): number {
  const byWorth = items.toSorted((a, b) => b.value * a.weights[limit] - a.value * b.weights[limit]);
  let left = room;
  let sum = 0;
  for (const { value, weights } of byWorth) {
    const part = weights[limit] === 0 ? 1 : Math.min(1, left / weights[limit]);
    sum += part * value;
    left -= part * weights[limit];
  }
  return sum;
}
