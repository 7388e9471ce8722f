import assert from "node:assert/strict";
import { test } from "node:test";
import { studentQuantile } from "./student-quantile.ts";

test("studentQuantile is within 2 % of the tables", () => {
  // Quantiles of 0.99 and 0.95 as printed in tables of Student's t.
  const tables: readonly (readonly [number, number, number])[] = [
    [0.99, 3, 4.541],
    [0.99, 4, 3.747],
    [0.99, 10, 2.764],
    [0.99, 30, 2.457],
    [0.99, 1_000_000, 2.326],
    [0.95, 4, 2.132],
    [0.95, 20, 1.725],
  ];
  for (const [probability, degreesOfFreedom, expected] of tables) {
    const found = studentQuantile(probability, degreesOfFreedom);
    assert.ok(Math.abs(found / expected - 1) < 0.02, `${probability}, ${degreesOfFreedom}: ${found}`);
  }
});
