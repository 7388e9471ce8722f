import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import { syntheticImages } from "../testing/synthetic-images.ts";
import { concatImages, imageAt, sliceImages, takeImages } from "./image-set.ts";

const set = syntheticImages({ count: 10, height: 5, width: 4, channels: 3, seed: 1 });
const refused = (error: unknown): boolean => error instanceof MpoError && error.code === "invalid-argument";

void test("slice gives a view with its labels", () => {
  const slice = sliceImages(set, 3, 6);
  assert.equal(slice.count, 3);
  assert.deepEqual(slice.labels, set.labels?.slice(3, 6));
  assert.equal(slice.images.buffer, set.images.buffer);
  assert.deepEqual(imageAt(slice, 0), imageAt(set, 3));
});

void test("take copies in the named order", () => {
  const taken = takeImages(set, [9, 0, 9]);
  assert.deepEqual([...taken.labels!], [set.labels![9], set.labels![0], set.labels![9]]);
  assert.deepEqual(imageAt(taken, 0), imageAt(set, 9));
  assert.deepEqual(imageAt(taken, 1), imageAt(set, 0));
  assert.notEqual(taken.images.buffer, set.images.buffer);
});

void test("concat of slices is the whole again", () => {
  const whole = concatImages([sliceImages(set, 0, 2), sliceImages(set, 2, 2), sliceImages(set, 2, 10)]);
  assert.deepEqual(whole, set);
});

void test("concat drops labels that not all have", () => {
  const { labels: _, ...unlabelled } = set;
  assert.equal(concatImages([set, unlabelled]).labels, undefined);
  assert.equal(takeImages(unlabelled, [1]).labels, undefined);
});

for (const [name, wrong] of Object.entries({
  "slice past the end": () => sliceImages(set, 0, 11),
  "slice backwards": () => sliceImages(set, 3, 2),
  "slice of a fraction": () => sliceImages(set, 0.5, 2),
  "take past the end": () => takeImages(set, [10]),
  "take below 0": () => takeImages(set, [-1]),
  "concat of nothing": () => concatImages([]),
  "concat of other sizes": () =>
    concatImages([set, syntheticImages({ count: 1, height: 4, width: 4, channels: 3, seed: 1 })]),
  "concat of other classes": () => concatImages([set, { ...set, classNames: ["a"] }]),
})) {
  void test(`refused: ${name}`, () => {
    assert.throws(wrong, refused);
  });
}
