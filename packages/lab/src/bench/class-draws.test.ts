import assert from "node:assert/strict";
import { test } from "node:test";
import { mean } from "@mpo/core";
import { createRandom, type ImageSet } from "@mpo/datasets";
import { drawnByClass, ofSomeClasses } from "./class-draws.ts";

const CLASSES = 10;
const COUNT = 1000;
const SET: ImageSet = {
  images: new Float32Array(COUNT),
  labels: Int32Array.from({ length: COUNT }, (_, index) => index % CLASSES),
  count: COUNT,
  height: 1,
  width: 1,
  channels: 1,
  classNames: Array.from({ length: CLASSES }, (_, index) => `class ${index}`),
};

/** How many images of each class. */
function counts(indices: readonly number[]): readonly number[] {
  assert.equal(new Set(indices).size, indices.length, "no image twice");
  return Array.from({ length: CLASSES }, (_, label) => indices.filter((index) => SET.labels?.[index] === label).length);
}

/** Mean of the sum of squared shares: 1 for one class, 0.1 for ten that are equally frequent. */
function concentrated(concentration: number): number {
  const sums = Array.from({ length: 400 }, (_, seed) => {
    const drawn = drawnByClass(SET, { count: 100, concentration, random: createRandom(seed) });
    return counts(drawn).reduce((sum, count) => sum + (count / drawn.length) ** 2, 0);
  });
  return mean(sums);
}

test("classes are drawn in shares of a Dirichlet distribution", () => {
  // The expected sum of squared shares of k classes: (1 + a) / (1 + k a).
  for (const concentration of [0.1, 1, 10]) {
    const expected = (1 + concentration) / (1 + CLASSES * concentration);
    assert.ok(Math.abs(concentrated(concentration) / expected - 1) < 0.1, `${concentration}: ${expected}`);
  }
});

test("some classes are drawn, and no others", () => {
  const drawn = ofSomeClasses(SET, { count: 200, share: 0.5, random: createRandom(1) });
  assert.equal(drawn.length, 200);
  assert.equal(counts(drawn).filter((count) => count > 0).length, 5);
  assert.equal(ofSomeClasses(SET, { count: 900, share: 0.5, random: createRandom(1) }).length, 500);
  assert.equal(ofSomeClasses(SET, { count: 9, share: 0, random: createRandom(1) }).length, 9);
});

test("without labels there are no classes to draw", () => {
  const { labels: _, ...unlabelled } = SET;
  assert.throws(() => ofSomeClasses(unlabelled, { count: 9, share: 0.5, random: createRandom(1) }), {
    code: "invalid-argument",
  });
});
