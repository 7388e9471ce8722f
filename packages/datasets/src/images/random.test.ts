import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import fc from "fast-check";
import { createRandom, deriveSeed, type Random } from "./random.ts";

function moments(draw: () => number, draws: number): { mean: number; variance: number } {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < draws; i++) {
    const value = draw();
    sum += value;
    squares += value * value;
  }
  const mean = sum / draws;
  return { mean, variance: squares / draws - mean * mean };
}

void test("the same seed gives the same numbers, a neighbouring seed others", () => {
  const draw = (random: Random): number[] => [
    random.uniform(),
    random.gaussian(),
    random.gaussian(),
    random.integer(1000),
    random.poisson(3),
    random.poisson(300),
    ...random.shuffled([1, 2, 3, 4, 5, 6, 7, 8]),
  ];
  assert.deepEqual(draw(createRandom(42)), draw(createRandom(42)));
  const first = Array.from({ length: 64 }, (_, seed) => createRandom(seed).uniform());
  assert.equal(new Set(first).size, first.length);
  assert.ok(Math.abs(first.reduce((a, b) => a + b) / first.length - 0.5) < 0.12);
});

void test("numbers of a seed are the same on every machine", () => {
  const random = createRandom(7);
  // Seen once and kept: recorded runs name seeds, so a change of generator or hash must not pass unseen.
  assert.equal(random.integer(1_000_000), 406_014);
  assert.equal(random.integer(1_000_000), 725_434);
  assert.equal(deriveSeed(7, "order", 3), 8_367_173_791_626_436);
});

for (const [name, mean, variance, draw] of [
  ["uniform", 0.5, 1 / 12, (random: Random) => random.uniform()],
  ["gaussian", 0, 1, (random: Random) => random.gaussian()],
  ["integer(7)", 3, 4, (random: Random) => random.integer(7)],
  ["poisson(0)", 0, 0, (random: Random) => random.poisson(0)],
  ["poisson(0.5)", 0.5, 0.5, (random: Random) => random.poisson(0.5)],
  ["poisson(9.9)", 9.9, 9.9, (random: Random) => random.poisson(9.9)],
  ["poisson(10)", 10, 10, (random: Random) => random.poisson(10)],
  ["poisson(40)", 40, 40, (random: Random) => random.poisson(40)],
  ["poisson(500)", 500, 500, (random: Random) => random.poisson(500)],
] as const) {
  void test(`${name} has mean ${mean} and variance ${variance.toFixed(3)}`, () => {
    const random = createRandom(11);
    const draws = 40_000;
    const found = moments(() => draw(random), draws);
    // Five standard errors of the mean; the variance within 5 %.
    assert.ok(Math.abs(found.mean - mean) <= 5 * Math.sqrt(variance / draws), `mean ${found.mean}`);
    assert.ok(Math.abs(found.variance - variance) <= 0.05 * variance, `variance ${found.variance}`);
  });
}

void test("poisson follows its probabilities on both sides of the change of method", () => {
  for (const mean of [8, 12]) {
    const random = createRandom(5);
    const draws = 60_000;
    const counts = new Map<number, number>();
    for (let i = 0; i < draws; i++) {
      const k = random.poisson(mean);
      counts.set(k, (counts.get(k) ?? 0) + 1);
    }
    let probability = Math.exp(-mean);
    for (let k = 0; k < 3 * mean; k++) {
      const expected = draws * probability;
      if (expected > 20) {
        assert.ok(Math.abs((counts.get(k) ?? 0) - expected) < 5 * Math.sqrt(expected), `mean ${mean}, k ${k}`);
      }
      probability *= mean / (k + 1);
    }
  }
});

void test("shuffled keeps every element and leaves the array as it is", () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.integer(), (array, seed) => {
      const before = [...array];
      const shuffled = createRandom(seed).shuffled(array);
      assert.deepEqual(array, before);
      assert.deepEqual(shuffled.toSorted(), before.toSorted());
    }),
  );
});

void test("derived seeds differ wherever a part differs", () => {
  const seeds = new Set<number>();
  for (const name of ["fog", "fo", "gof", ""]) {
    for (let index = 0; index < 5000; index++) seeds.add(deriveSeed(1, name, index));
  }
  seeds.add(deriveSeed(-1, "fog", 0));
  assert.equal(seeds.size, 20_001);
  for (const seed of seeds) assert.ok(Number.isSafeInteger(seed));
});

void test("wrong arguments are refused", () => {
  const random = createRandom(1);
  for (const wrong of [
    () => createRandom(0.5),
    () => createRandom(Number.NaN),
    () => deriveSeed(1, Number.POSITIVE_INFINITY),
    () => random.integer(0),
    () => random.integer(1.5),
    () => random.poisson(-1),
    () => random.poisson(Number.NaN),
  ]) {
    assert.throws(wrong, (error) => error instanceof MpoError && error.code === "invalid-argument");
  }
});
