import assert from "node:assert/strict";
import type { ModelWeights } from "../model/model-graph.ts";

/**
 * A tensor this much smaller than the largest one is compared with that size instead of its own: such gradients are zero
 * except for rounding (a bias before a normalisation).
 */
const NEGLIGIBLE = 1e-3;

export interface GradientComparison {
  /** Every gradient of the step, where only some are compared; they decide which are negligible. */
  readonly all?: ModelWeights;
  /** Error that rounding alone explains, in parts of the largest gradient. */
  readonly rounding?: number;
}

/** Asserts that each gradient differs from its peer by at most `tolerance`, relative to the peer's norm. */
export function assertSameGradients(
  actual: ModelWeights,
  expected: ModelWeights,
  tolerance: number,
  { all = expected, rounding = tolerance * NEGLIGIBLE }: GradientComparison = {},
): void {
  assert.deepEqual([...actual.keys()].sort(), [...expected.keys()].sort());
  const floor = (rounding / tolerance) * Math.max(...[...all.values()].map(norm));
  assert.ok(floor > 0 && Number.isFinite(floor), "the expected gradients are all zero or not finite");
  const worst = [...expected]
    .map(([name, gradient]) => {
      const difference = gradient.map((value, index) => value - (actual.get(name)?.[index] ?? Number.NaN));
      return { name, error: norm(difference) / Math.max(norm(gradient), floor) };
    })
    .reduce((left, right) => (right.error <= left.error ? left : right));
  assert.ok(worst.error <= tolerance, `the gradient of ${worst.name} is off by ${worst.error}, more than ${tolerance}`);
}

export function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

/** Asserts that two numbers differ by at most `tolerance`, relative to the larger. */
export function assertClose(actual: number, expected: number, tolerance: number): void {
  const scale = Math.max(Math.abs(actual), Math.abs(expected));
  assert.ok(Math.abs(actual - expected) <= tolerance * scale, `${actual} is not ${expected} to within ${tolerance}`);
}
