import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import fc from "fast-check";
import { type ImageSet, imageAt } from "./image-set.ts";
import { resizeTo } from "./resize.ts";
import { syntheticImages } from "./synthetic-images.ts";

function grey(rows: readonly (readonly number[])[]): ImageSet {
  const [height, width] = [rows.length, rows[0]!.length];
  return { images: Float32Array.from(rows.flat()), count: 1, height, width, channels: 1 };
}

void test("pad puts the image in the middle of black and repeats the channel", () => {
  const set = syntheticImages({ count: 2, height: 28, width: 28, channels: 1, seed: 2 });
  const padded = resizeTo(set, { height: 32, width: 32, channels: 3, method: "pad" });
  assert.deepEqual([padded.height, padded.width, padded.channels], [32, 32, 3]);
  assert.equal(padded.labels, set.labels);
  const image = imageAt(padded, 1);
  for (let y = 0; y < 32; y++) {
    for (let x = 0; x < 32; x++) {
      const inside = y >= 2 && y < 30 && x >= 2 && x < 30;
      const expected = inside ? imageAt(set, 1)[(y - 2) * 28 + x - 2]! : 0;
      for (let c = 0; c < 3; c++) assert.equal(image[(y * 32 + x) * 3 + c], expected);
    }
  }
});

void test("nearest and bilinear on a small example", () => {
  const set = grey([
    [0, 1],
    [0, 1],
  ]);
  const row = (method: "nearest" | "bilinear", width: number): number[] => [
    ...resizeTo(set, { height: 1, width, method }).images,
  ];
  assert.deepEqual(row("nearest", 4), [0, 0, 1, 1]);
  assert.deepEqual(row("bilinear", 4), [0, 0.25, 0.75, 1]);
  assert.deepEqual(row("bilinear", 1), [0.5]);
});

void test("bilinear keeps a constant and stays between the least and the most", () => {
  const size = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(size, size, size, size, fc.double({ min: 0, max: 1, noNaN: true }), (h, w, toH, toW, value) => {
      const set: ImageSet = { images: new Float32Array(h * w).fill(value), count: 1, height: h, width: w, channels: 1 };
      for (const found of resizeTo(set, { height: toH, width: toW }).images) {
        assert.ok(Math.abs(found - Math.fround(value)) < 1e-6);
      }
    }),
    { numRuns: 50 },
  );
});

void test("the same size changes nothing", () => {
  const set = syntheticImages({ count: 2, height: 9, width: 7, channels: 3, seed: 3 });
  for (const method of ["nearest", "bilinear", "pad"] as const) {
    assert.deepEqual(resizeTo(set, { height: 9, width: 7, method }), set);
  }
});

void test("three channels become one by brightness", () => {
  const set: ImageSet = { images: Float32Array.from([1, 0.5, 0]), count: 1, height: 1, width: 1, channels: 3 };
  const [value] = resizeTo(set, { height: 1, width: 1, channels: 1 }).images;
  assert.ok(Math.abs(value! - 0.5925) < 1e-6);
});

void test("refused: sizes and channels that make no sense", () => {
  const set = syntheticImages({ count: 1, height: 8, width: 8, channels: 3, seed: 1 });
  for (const target of [
    { height: 0, width: 8 },
    { height: 8.5, width: 8 },
    { height: 4, width: 8, method: "pad" as const },
    { height: 8, width: 8, channels: 2 },
  ]) {
    assert.throws(
      () => resizeTo(set, target),
      (error) => error instanceof MpoError && error.code === "invalid-argument",
    );
  }
});
