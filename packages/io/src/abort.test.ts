import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import { linkSignals, withDeadline } from "./abort.ts";
import { abortError, throwIfAborted } from "./abort-error.ts";
import { VirtualClock } from "./testing/virtual-clock.ts";

const codeIs = (code: string) => (thrown: unknown) => thrown instanceof MpoError && thrown.code === code;

void test("a linked signal aborts with the first reason, and its listeners are gone after disposal", () => {
  const long = new AbortController();
  const short = new AbortController();
  {
    using linked = linkSignals(long.signal, undefined, short.signal);
    assert.equal(getEventListeners(long.signal, "abort").length, 1);
    short.abort("enough");
    assert.equal(linked.signal.reason, "enough");
    assert.equal(long.signal.aborted, false);
  }
  assert.equal(getEventListeners(long.signal, "abort").length, 0);
  using born = linkSignals(short.signal);
  assert.equal(born.signal.reason, "enough");
});

void test("an abort's reason becomes an MpoError", () => {
  const given = new MpoError("over-budget", "x");
  const table = [
    [AbortSignal.abort(), "cancelled"],
    [AbortSignal.abort("why"), "cancelled"],
    [AbortSignal.abort(new DOMException("late", "TimeoutError")), "timed-out"],
    [AbortSignal.abort(given), "over-budget"],
  ] as const;
  for (const [signal, code] of table) {
    assert.equal(abortError(signal).code, code);
    assert.throws(() => throwIfAborted(signal), codeIs(code));
  }
  throwIfAborted(undefined);
});

void test("a deadline ends work that takes too long, naming it", async () => {
  const clock = new VirtualClock();
  const work = withDeadline("the probe", 100, (signal) => clock.sleep(500, { signal }), { clock });
  const failed = assert.rejects(work, { code: "timed-out", message: "the probe did not end within 100 ms" });
  await clock.advance(100);
  await failed;
  assert.equal(clock.sleeping, 0);
});

for (const [ms, words] of [
  [99.6, "100 ms"],
  [9_999.2, "9999 ms"],
  [10_000, "10 s"],
  [3_599_987.6, "1 h 00 min"],
] as const) {
  void test(`a deadline of ${ms} ms is said as ${words}`, async () => {
    const clock = new VirtualClock();
    const work = withDeadline("it", ms, (signal) => clock.sleep(2 * ms, { signal }), { clock });
    const failed = assert.rejects(work, { message: `it did not end within ${words}` });
    await clock.advance(ms);
    await failed;
  });
}

void test("a deadline leaves nothing behind: not after success, failure or an abort from outside", async () => {
  const clock = new VirtualClock();
  const outside = new AbortController();
  const options = { clock, signal: outside.signal };
  assert.equal(await withDeadline("x", 100, () => Promise.resolve(7), options), 7);
  const own = new MpoError("invalid-data", "own");
  await assert.rejects(
    withDeadline("x", 100, () => Promise.reject(own), options),
    own,
  );
  const work = withDeadline("x", 100, (signal) => clock.sleep(50, { signal }), options);
  outside.abort();
  await assert.rejects(work, { code: "cancelled" });
  await assert.rejects(
    withDeadline("x", 100, () => Promise.resolve(), options),
    { code: "cancelled" },
  );
  assert.equal(clock.sleeping, 0);
  assert.equal(getEventListeners(outside.signal, "abort").length, 0);
});
