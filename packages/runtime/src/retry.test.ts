import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import { VirtualClock } from "@mpo/io/testing";
import fc from "fast-check";
import { backOffSchedule, retry } from "./retry.ts";

const unavailable = new MpoError("unavailable", "down");

void test("the schedule doubles to its cap", () => {
  const waits = [...backOffSchedule({ baseMs: 100, capMs: 1_000, waits: 6, random: () => 0.5 })];
  assert.deepEqual(waits, [50, 100, 200, 400, 500, 500]);
});

void test("every wait lies from 0 to base * 2^n and never above the cap", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 1, max: 10_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (baseMs, capMs, drawn) => {
        const waits = [...backOffSchedule({ baseMs, capMs, waits: 40, random: () => drawn })];
        return waits.every((wait, n) => wait >= 0 && wait <= Math.min(capMs, baseMs * 2 ** n));
      },
    ),
  );
});

void test("transient failures are tried again until one attempt succeeds", async () => {
  const clock = new VirtualClock();
  const seen: unknown[] = [];
  const result = retry((attempt) => (attempt < 3 ? Promise.reject(unavailable) : Promise.resolve(attempt)), {
    schedule: [10, 20, 30],
    clock,
    onFailure: (thrown, attempt, waitMs) => seen.push([thrown, attempt, waitMs]),
  });
  await clock.advance(30);
  assert.equal(await result, 3);
  assert.deepEqual(seen, [
    [unavailable, 1, 10],
    [unavailable, 2, 20],
  ]);
});

const ends = [
  ["the schedule ends", unavailable, 2],
  ["the failure will not pass", new MpoError("invalid-data", "bad"), 1],
  ["the work was aborted", new DOMException("stop", "AbortError"), 1],
  ["a bug shows", new TypeError("bug"), 1],
] as const;
for (const [when, error, attempts] of ends) {
  void test(`the last error is thrown when ${when}`, async () => {
    let count = 0;
    const work = (): Promise<never> => {
      count++;
      return Promise.reject(error);
    };
    await assert.rejects(retry(work, { schedule: [0] }), error);
    assert.equal(count, attempts);
  });
}

void test("an abort ends the wait between attempts", async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const work = retry(() => Promise.reject(unavailable), { schedule: [1e9], clock, signal: controller.signal });
  const failed = assert.rejects(work, { code: "cancelled" });
  await clock.advance(1);
  controller.abort();
  await failed;
  assert.equal(clock.sleeping, 0);
});
