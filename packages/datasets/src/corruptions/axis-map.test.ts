import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { syntheticImages } from "../testing/synthetic-images.ts";
import {
  type AxisMap,
  applyAxes,
  axesScratchLength,
  boxAxis,
  composeAxes,
  gaussianAxis,
  gaussianRadius,
  zoomAxis,
} from "./axis-map.ts";
import { applyPixelMap, sumOfAxes } from "./pixel-map.ts";

function apply(vertical: AxisMap, horizontal: AxisMap, channels: number, input: Float32Array): Float32Array {
  const output = new Float32Array(vertical.outputLength * horizontal.outputLength * channels);
  applyAxes(
    vertical,
    horizontal,
    channels,
    input,
    new Float32Array(axesScratchLength(vertical, horizontal, channels)),
    output,
  );
  return output;
}

function assertNear(found: Float32Array, expected: Float32Array): void {
  assert.equal(found.length, expected.length);
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(found[i]! - value) < 1e-5, `value ${i}`);
}

void test("the weights of every output position add up to 1", () => {
  const length = fc.integer({ min: 1, max: 50 });
  fc.assert(
    fc.property(length, length, fc.double({ min: 1, max: 6, noNaN: true }), (from, to, factor) => {
      const maps = [
        boxAxis(from, to),
        zoomAxis(from, factor),
        gaussianAxis(from, factor, gaussianRadius(factor, 3), "reflect"),
        gaussianAxis(from, factor, gaussianRadius(factor, 4), "edge"),
        composeAxes(boxAxis(from, to), boxAxis(to, from)),
      ];
      for (const map of maps) {
        for (let o = 0; o < map.outputLength; o++) {
          assert.ok(map.starts[o]! >= 0 && map.starts[o]! + map.counts[o]! <= map.inputLength);
          const weights = map.weights.subarray(map.offsets[o], map.offsets[o]! + map.counts[o]!);
          assert.ok(Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-9);
        }
      }
    }),
  );
});

void test("a composed map does one map after the other", () => {
  const { images } = syntheticImages({ count: 1, height: 20, width: 13, channels: 3, seed: 1 });
  const [down, across] = [boxAxis(20, 11), boxAxis(13, 7)];
  const [up, back] = [boxAxis(11, 20), boxAxis(7, 13)];
  const steps = apply(up, back, 3, apply(down, across, 3, images));
  assertNear(apply(composeAxes(down, up), composeAxes(across, back), 3, images), steps);
});

void test("a sum of separable maps as one sparse map", () => {
  const { images } = syntheticImages({ count: 1, height: 12, width: 9, channels: 3, seed: 2 });
  const pairs = [1, 1.2, 1.5].map((factor) => [zoomAxis(12, factor), zoomAxis(9, factor)] as const);
  const expected = new Float32Array(images.length);
  for (const [vertical, horizontal] of pairs) {
    for (const [i, value] of apply(vertical, horizontal, 3, images).entries()) expected[i]! += value;
  }
  const found = new Float32Array(images.length);
  applyPixelMap(sumOfAxes(pairs), 3, images, found);
  assertNear(found, expected);
});

void test("zooming by 1 changes nothing, by 2 shows the middle", () => {
  const { images } = syntheticImages({ count: 1, height: 8, width: 8, channels: 1, seed: 3 });
  assert.deepEqual(apply(zoomAxis(8, 1), zoomAxis(8, 1), 1, images), images);
  const row = Float32Array.from([9, 9, 0, 1, 2, 3, 9, 9]);
  const zoomed = apply(boxAxis(1, 1), zoomAxis(8, 2), 1, row);
  assert.deepEqual([zoomed[0], zoomed[7]], [0, 3]);
});
