import assert from "node:assert/strict";
import { test } from "node:test";
import { interpolate } from "./interpolation.ts";

void test("weights lie on the straight way between two models", () => {
  const from = new Map([
    ["a", Float32Array.of(0, 4)],
    ["b", Float32Array.of(1)],
  ]);
  const to = new Map([
    ["a", Float32Array.of(2, 0)],
    ["b", Float32Array.of(1)],
  ]);
  assert.deepEqual(interpolate(from, to, 0.25).get("a"), Float32Array.of(0.5, 3));
  assert.deepEqual(interpolate(from, to, 0), from);
  assert.deepEqual(interpolate(from, to, 1), to);
  const same = new Map([...to, ["b", from.get("b")!]] as const);
  assert.equal(interpolate(from, same, 0.5).get("b"), from.get("b"), "not copied where both are one");
});
