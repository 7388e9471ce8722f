import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { systemClock } from "./clock.ts";
import { VirtualClock } from "./testing/virtual-clock.ts";

void test("the system's clock sleeps, and an abort wakes it as cancelled", async () => {
  const before = systemClock.monotonicMs();
  await systemClock.sleep(5);
  assert.ok(systemClock.monotonicMs() > before);
  assert.ok(systemClock.now() > Date.UTC(2020, 0));
  const controller = new AbortController();
  const sleep = systemClock.sleep(1e12, { signal: controller.signal });
  controller.abort();
  await assert.rejects(sleep, { code: "cancelled" });
  await assert.rejects(systemClock.sleep(1, { signal: controller.signal }), { code: "cancelled" });
});

void test("virtual sleepers wake in order of time, then of going to sleep, with all they set off done between", async () => {
  const clock = new VirtualClock(1_000);
  const woken: string[] = [];
  const sleeper = async (name: string, ms: number): Promise<void> => {
    await clock.sleep(ms);
    woken.push(`${name}@${clock.now()}`);
  };
  const all = [sleeper("b", 20), sleeper("c", 20), sleeper("a", 10)];
  const chained = sleeper("d", 5).then(() => sleeper("e", 5));
  assert.equal(clock.nextWakeMs, 5);
  await clock.advance(15);
  assert.deepEqual(woken, ["d@1005", "a@1010", "e@1010"]);
  assert.equal(clock.monotonicMs(), 15);
  assert.equal(await clock.step(), true);
  assert.equal(await clock.step(), false);
  assert.deepEqual(woken.slice(3), ["b@1020", "c@1020"]);
  await Promise.all([...all, chained]);
});

void test("a virtual sleeper can be aborted, and leaves no listener", async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const aborted = clock.sleep(10, { signal: controller.signal });
  const done = clock.sleep(5, { signal: controller.signal });
  await clock.advance(5);
  await done;
  controller.abort();
  await assert.rejects(aborted, { code: "cancelled" });
  await assert.rejects(clock.sleep(1, { signal: controller.signal }), { code: "cancelled" });
  assert.equal(clock.sleeping, 0);
  assert.equal(getEventListeners(controller.signal, "abort").length, 0);
});

void test("a jump of the wall clock wakes nobody and does not touch the monotonic one", async () => {
  const clock = new VirtualClock(1e12);
  const sleep = clock.sleep(10);
  clock.jumpWallClock(-3_600_000);
  assert.equal(clock.now(), 1e12 - 3_600_000);
  assert.equal(clock.monotonicMs(), 0);
  assert.equal(clock.sleeping, 1);
  await clock.advance(10);
  await sleep;
});
