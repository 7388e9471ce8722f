import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { upperMargin } from "./conformal.ts";
import { leastSquares, robustLeastSquares } from "./least-squares.ts";
import { median, outliers, quantile, relativeSpread, typical } from "./robust-statistics.ts";

test("median, quantile and spread of small tables", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(quantile([0, 10], 0.25), 2.5);
  assert.equal(relativeSpread([10, 10, 12]), 0);
  assert.equal(relativeSpread([8, 10, 12]), 0.2);
  assert.ok(Number.isNaN(median([])));
});

test("outliers are noticed, and left out of what is typical", () => {
  const cases: readonly {
    readonly values: readonly number[];
    readonly out: readonly number[];
    readonly mid: number;
  }[] = [
    { values: [10, 10.1, 9.9, 30], out: [3], mid: 10 },
    { values: [10, 10.1, 9.9, 10.2], out: [], mid: 10.05 },
    { values: [10, 90], out: [], mid: 50 },
    { values: [10, 10, 10.4], out: [], mid: 10 },
  ];
  for (const { values, out, mid } of cases) {
    assert.deepEqual(outliers(values), out);
    assert.ok(Math.abs(typical(values) - mid) < 1e-9);
  }
});

test("leastSquares finds the law behind exact observations", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 9, noNaN: true }),
      fc.double({ min: 0, max: 9, noNaN: true }),
      (alpha, beta) => {
        const observations = [1, 2, 5, 9].map((x) => ({ features: [1, x], target: alpha + beta * x }));
        const free = { mean: 0, strength: 0, least: 0 };
        const [a = 0, b = 0] = leastSquares(observations, [free, free]);
        assert.ok(Math.abs(a - alpha) < 1e-5 && Math.abs(b - beta) < 1e-5, `${a} ${b} for ${alpha} ${beta}`);
      },
    ),
    { seed: 1, numRuns: 100 },
  );
});

test("leastSquares keeps bounds and leans to its prior where there is nothing to see", () => {
  const [slope = 0] = leastSquares([{ features: [1], target: -3 }], [{ mean: 0, strength: 0, least: 0 }]);
  assert.equal(slope, 0);
  const [unseen = 0] = leastSquares([], [{ mean: 1, strength: 5, least: 0 }]);
  assert.equal(unseen, 1);
});

test("robustLeastSquares is not moved by one wild observation", () => {
  const free = { mean: 0, strength: 0, least: 0 };
  const observations = [1, 2, 3, 4, 5, 6, 7, 8].map((x) => ({
    features: [1, x],
    target: 2 + 3 * x + (x === 5 ? 500 : 0),
  }));
  const [alpha = 0, beta = 0] = robustLeastSquares(observations, [free, free]);
  assert.ok(Math.abs(beta - 3) < 0.5, `${alpha} ${beta}`);
});

test("upperMargin is a stretched maximum, and the prior where there is no residual", () => {
  const few = upperMargin([0.01, -0.02, 0.015], 0.3);
  assert.ok(few > 0.02 && few < 0.05);
  assert.equal(upperMargin([], 0.3), 0.3);
});

test("upperMargin holds on cases it has not seen", () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.double({ min: -0.1, max: 0.1, noNaN: true })), (stream) => {
      const drawn = [...stream.take(600)];
      const margin = upperMargin(drawn.slice(0, 64), 0.3);
      const missed = drawn.slice(200).filter((residual) => residual > margin).length;
      assert.ok(missed / 400 < 0.05, `${missed} of 400`);
    }),
    { seed: 3, numRuns: 20 },
  );
});
