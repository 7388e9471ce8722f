import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../images/random.ts";
import { plasma, powerOfTwoFrom } from "./plasma.ts";

function roughness(map: Float64Array, size: number): number {
  let sum = 0;
  for (let i = 0; i < map.length; i++) {
    const next = Math.floor(i / size) * size + ((i + 1) % size);
    sum += Math.abs(map[i]! - map[next]!);
  }
  return sum / map.length;
}

void test("fractal noise fills 0..1, is smoother with more decay, and tiles without seams", () => {
  const size = 64;
  const rough = plasma(size, 1.2, createRandom(1));
  const smooth = plasma(size, 2.5, createRandom(1));
  for (const map of [rough, smooth]) {
    assert.equal(map.length, size * size);
    assert.deepEqual([Math.min(...map), Math.max(...map)], [0, 1]);
  }
  assert.ok(roughness(smooth, size) < roughness(rough, size) / 2);
  let seam = 0;
  for (let y = 0; y < size; y++) seam += Math.abs(smooth[y * size]! - smooth[y * size + size - 1]!);
  assert.ok(seam / size < 3 * roughness(smooth, size));
});

void test("even the smallest maps are whole", () => {
  for (const size of [1, 2, 4]) {
    assert.ok(plasma(size, 2, createRandom(1)).every((value) => value >= 0 && value <= 1));
  }
  assert.deepEqual([1, 2, 3, 28, 32, 33, 224].map(powerOfTwoFrom), [1, 2, 4, 32, 32, 64, 256]);
});
