import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "./testing/virtual-clock.ts";
import { Wakeup } from "./wakeup.ts";

const { signal } = new AbortController();

void test("a sleeper wakes when its time has come, and at once when woken", async () => {
  const clock = new VirtualClock(0);
  const wakeup = new Wakeup(clock);

  const first = wakeup.sleep(100, signal);
  await clock.advance(100);
  assert.equal(await first, false);

  const second = wakeup.sleep(100, signal);
  wakeup.wake();
  assert.equal(await second, true);
  assert.equal(clock.now(), 100);
  assert.equal(clock.nextWakeMs, undefined);
});

void test("a call that comes while nothing sleeps ends the next sleep, and only that", async () => {
  const clock = new VirtualClock(0);
  const wakeup = new Wakeup(clock);
  wakeup.wake();
  wakeup.wake();
  assert.equal(await wakeup.sleep(100, signal), true);
  assert.equal(clock.now(), 0);

  const next = wakeup.sleep(100, signal);
  await clock.advance(100);
  assert.equal(await next, false);
});

void test("an abort ends the sleep with its reason", async () => {
  const clock = new VirtualClock(0);
  const controller = new AbortController();
  const sleep = new Wakeup(clock).sleep(100, controller.signal);
  const reason = new Error("the agent is stopping");
  controller.abort(reason);
  await assert.rejects(sleep, reason);
  assert.equal(clock.nextWakeMs, undefined);
});
