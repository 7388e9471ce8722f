import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import type { OddJobs } from "../test-support/odd-jobs-main.ts";
import { CalledProcess } from "./called-process.ts";
import { type ChildOptions, entryBeside } from "./child-host.ts";

const ENDLESS_MS = 600_000;

/** Runs a test with a process; afterwards it is gone. */
async function withProcess(
  options: Partial<ChildOptions>,
  use: (child: CalledProcess<OddJobs>) => Promise<void>,
): Promise<void> {
  const entry = entryBeside("../test-support/odd-jobs-main", import.meta.url);
  const child = new CalledProcess<OddJobs>({ name: "helper", entry, graceMs: 5_000, ...options });
  try {
    await use(child);
  } finally {
    await child.close();
  }
  if (child.pid !== undefined) assert.equal(isAlive(child.pid), false);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

void test("calls are answered in order, with progress on the way, and errors are values", () =>
  withProcess({}, async (child) => {
    const seen: number[] = [];
    const onProgress = (sum: number): void => void seen.push(sum);
    const refused = assert.rejects(child.call("refuse", "no"), {
      ...{ code: "unsupported", message: "no", hint: "Ask for something else." },
    });
    assert.equal(await child.call("add", [1, 2, 3], { onProgress }), 6);
    assert.deepEqual(seen, [1, 3, 6]);
    await refused;
  }));

void test("an end says how, with the last that was written", () =>
  withProcess({}, async (child) => {
    const text = "one\ntwo\nthree\nfour\n";
    const crashed = {
      code: "worker-crashed",
      message: "the helper ended with exit code 3: two | three | four",
    };
    const waiting = assert.rejects(child.call("exit", { code: 3, text }), crashed);
    await assert.rejects(child.call("add", [1]), crashed);
    await waiting;
    await assert.rejects(child.call("add", [1]), crashed);
    assert.equal((await child.ended).code, "worker-crashed");
  }));

void test("a kill from outside is not a crash", () =>
  withProcess({}, async (child) => {
    await child.call("add", [1]);
    const waiting = assert.rejects(child.call("block", ENDLESS_MS), { code: "worker-killed", message: /SIGKILL/ });
    process.kill(child.pid as number, "SIGKILL");
    await waiting;
  }));

void test("who starts a process may know better why it ended", () =>
  withProcess(
    { explainEnd: ({ stderr }) => (stderr.includes("full") ? new MpoError("over-memory-cap", "full") : undefined) },
    async (child) => {
      await assert.rejects(child.call("exit", { code: 1, text: "full" }), { code: "over-memory-cap" });
    },
  ));

void test("a program that is not there is an error value", () =>
  withProcess({ entry: "/nowhere.js" }, async (child) => {
    await assert.rejects(child.call("add", [1]), { code: "worker-crashed", message: /nowhere\.js/ });
  }));

void test("a cancelled call may end by itself; the process is killed when it does not", () =>
  withProcess({}, async (child) => {
    const reason = new MpoError("over-budget", "enough");
    const first = new AbortController();
    const obeyed = assert.rejects(child.call("obey", null, { signal: first.signal }), reason);
    first.abort(reason);
    await obeyed;
    assert.equal(await child.call("add", [2]), 2);
    const second = new AbortController();
    const blocked = child.call("block", ENDLESS_MS, { signal: second.signal, graceMs: 0 });
    second.abort();
    await assert.rejects(blocked, { code: "cancelled" });
    await assert.rejects(child.call("add", [1]), { code: "cancelled" });
    await assert.rejects(child.call("add", [1], { signal: AbortSignal.abort(reason) }), reason);
  }));

void test("a call that takes too long ends the process", () =>
  withProcess({}, async (child) => {
    await child.call("add", [1]);
    await assert.rejects(child.call("block", ENDLESS_MS, { timeoutMs: 20 }), { code: "timed-out", message: /20 ms/ });
  }));

void test("closing ends what is running, and its whole group", () =>
  withProcess({ leadsGroup: true, graceMs: 0 }, async (child) => {
    const grandchild = await child.call("multiply", null);
    assert.equal(isAlive(grandchild), true);
    const running = assert.rejects(child.call("obey", null), { code: "cancelled", message: "the helper is closed" });
    await Promise.all([child.close(), child.close()]);
    await running;
    assert.equal(isAlive(grandchild), false);
  }));
