import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withLock } from "./lock.mjs";
import { temporaryFolder } from "./test-room.mjs";

const MODULE = new URL("./lock.mjs", import.meta.url).href;

test("processes that hold the lock exclude each other", async (t) => {
  const folder = temporaryFolder(t);
  const counter = join(folder, "counter");
  writeFileSync(counter, "0");
  // Reading, pausing and writing back loses counts as soon as two are in at once.
  const source = `
    import { readFileSync, writeFileSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    import { withLock } from ${JSON.stringify(MODULE)};
    for (let turn = 0; turn < 5; turn++) {
      await withLock({ folder: ${JSON.stringify(folder)}, name: "count", work: async () => {
        const before = Number(readFileSync(${JSON.stringify(counter)}, "utf8"));
        await sleep(3);
        writeFileSync(${JSON.stringify(counter)}, String(before + 1));
      } });
    }`;
  const children = Array.from({ length: 4 }, () => spawn(process.execPath, ["--input-type=module", "--eval", source]));
  const codes = await Promise.all(children.map((child) => once(child, "close")));
  assert.deepEqual(
    codes.map(([code]) => code),
    [0, 0, 0, 0],
  );
  assert.equal(readFileSync(counter, "utf8"), "20");
  assert.deepEqual(readdirSync(folder), ["counter"]);
});

test("the lock of a killed process is taken over", async (t) => {
  const folder = temporaryFolder(t);
  const source = `
    import { withLock } from ${JSON.stringify(MODULE)};
    await withLock({ folder: ${JSON.stringify(folder)}, name: "held", work: async () => process.kill(process.pid, "SIGKILL") });`;
  spawnSync(process.execPath, ["--input-type=module", "--eval", source]);
  assert.equal(readdirSync(join(folder, "held.lock")).length, 1);
  assert.equal(await withLock({ folder, name: "held", work: async () => "mine" }), "mine");
  assert.equal(existsSync(join(folder, "held.lock")), false);
});

for (const { title, owner, ageMs } of [
  {
    title: "of another machine that fell silent",
    owner: { pid: 1, startTime: "1", place: "elsewhere" },
    ageMs: 600_000,
  },
  {
    title: "whose number another process has now",
    owner: { pid: process.pid, startTime: "1", place: "" },
    ageMs: 600_000,
  },
  { title: "that is unreadable", owner: "{", ageMs: 0 },
  { title: "that is empty", owner: undefined, ageMs: 0 },
]) {
  test(`a lock ${title} is taken over`, async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(join(folder, "x.lock"));
    if (owner !== undefined) {
      const file = join(folder, "x.lock", "token.json");
      writeFileSync(file, typeof owner === "string" ? owner : JSON.stringify(owner));
      const then = new Date(Date.now() - ageMs);
      utimesSync(file, then, then);
    }
    assert.equal(await withLock({ folder, name: "x", work: async () => 1 }), 1);
  });
}

test("a living owner of another machine is waited for, and the waiting can be ended", async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "x.lock"));
  writeFileSync(join(folder, "x.lock/token.json"), JSON.stringify({ pid: 1, startTime: "1", place: "elsewhere" }));
  const abort = new AbortController();
  const waiting = withLock({
    folder,
    name: "x",
    work: async () => 1,
    onWait: () => abort.abort(),
    signal: abort.signal,
  });
  await assert.rejects(waiting, { name: "AbortError" });
  assert.deepEqual(readdirSync(folder), ["x.lock"]);
});

test("the lock is given back when the work fails", async (t) => {
  const folder = temporaryFolder(t);
  const work = () => Promise.reject(new Error("no"));
  await assert.rejects(withLock({ folder, name: "x", work }), /no/u);
  assert.deepEqual(readdirSync(folder), []);
});
