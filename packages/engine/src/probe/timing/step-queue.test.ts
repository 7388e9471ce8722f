import assert from "node:assert/strict";
import { test } from "node:test";
import { StepQueue } from "./step-queue.ts";

/** A job that takes this number of milliseconds. */
const taking = (ms: number) => ({ ms });
const runMs = ({ ms }: { readonly ms: number }): number => ms;

test("a queue hands out what fits the time together, in order", () => {
  const queue = new StepQueue([30, 50, 20, 10].map(taking));
  assert.deepEqual(queue.take(2, 85, runMs).map(runMs), [30, 50]);
  assert.deepEqual(queue.take(3, 25, runMs).map(runMs), [20]);
  assert.deepEqual(queue.take(3, 25, runMs).map(runMs), [10]);
  assert.equal(queue.isEmpty, true);
});

test("a queue drops what takes too long on its own", () => {
  const queue = new StepQueue([90, 40].map(taking));
  assert.deepEqual(queue.take(1, 50, runMs).map(runMs), [40]);
  assert.equal(queue.isEmpty, true);
});
