import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageSet } from "../images/image-set.ts";
import { coded } from "../test-support/coded.ts";
import { fitImages } from "./fit-images.ts";

const checks: ImageSet = {
  images: Float32Array.of(0, 1, 1, 0),
  ...{ count: 1, height: 2, width: 2, channels: 1, labels: Int32Array.of(3) },
};

void test("arrays are brought to a size and to colour as pictures are", async () => {
  const { images, ...fitted } = await fitImages(checks, { height: 4, width: 4, channels: 3, filter: "nearest" });
  assert.deepEqual(fitted, { count: 1, height: 4, width: 4, channels: 3, labels: Int32Array.of(3) });
  const row = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1];
  assert.deepEqual([...images.subarray(0, 12)], row);
  assert.deepEqual([...images.subarray(36)], row.toReversed());
});

void test("colour becomes grey by its brightness", async () => {
  const white = { images: new Float32Array(12).fill(1), count: 1, height: 2, width: 2, channels: 3 };
  const { images } = await fitImages(white, { height: 1, width: 1, channels: 1 });
  assert.deepEqual([...images], [1]);
});

void test("a set of the wanted shape stays, and other channels are refused", async () => {
  assert.equal(await fitImages(checks, { height: 2, width: 2, channels: 1 }), checks);
  await assert.rejects(
    fitImages(checks, { height: 2, width: 2, channels: 4 }),
    coded("invalid-argument", /4 channels/),
  );
});
