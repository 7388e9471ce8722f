import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { forEachBounded } from "./bounded.ts";

void test("does all work, never more than the limit at a time", async () => {
  const done: number[] = [];
  let running = 0;
  let most = 0;
  await forEachBounded(20, 3, async (index) => {
    most = Math.max(most, ++running);
    await setImmediate();
    running--;
    done.push(index);
  });
  assert.deepEqual(
    done.toSorted((a, b) => a - b),
    Array.from({ length: 20 }, (_, i) => i),
  );
  assert.equal(most, 3);
});

void test("a failure stops new work and waits for the work under way", async () => {
  let started = 0;
  let running = 0;
  const failing = forEachBounded(100, 4, async (index) => {
    started++;
    running++;
    await setImmediate();
    running--;
    if (index === 2) throw new Error("no");
  });
  await assert.rejects(failing, /no/);
  assert.equal(running, 0);
  assert.ok(started < 100);
});
