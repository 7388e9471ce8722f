import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import { seededRandom, VirtualClock } from "@mpo/io/testing";
import type { StoreChange } from "../store/state-store.ts";
import { MemoryNotifyHub } from "./memory-notify-bus.ts";
import { MemoryStateServer } from "./memory-state-server.ts";
import { bytes, CONTRACT_LAYOUT, testStateStore, text } from "./state-store-contract.ts";
import type { StoreFaults } from "./store-faults.ts";

testStateStore("memory", (t) => {
  const server = new MemoryStateServer({ layout: CONTRACT_LAYOUT });
  const [store, other] = [server.connect(), server.connect()];
  t.after(async () => {
    await store.close();
    await other.close();
  });
  return Promise.resolve({ store, other });
});

/** Runs work under a virtual clock until it ends. */
async function run<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  done.catch(() => undefined);
  while (!isDone) {
    if (!(await clock.step())) await new Promise((resolve) => setImmediate(resolve));
  }
  return await done;
}

const FAULTS: Omit<StoreFaults, "random"> = {
  maxDelayMs: 20,
  timeoutMs: 500,
  staleGet: 0.3,
  conflictThoughStored: 0.1,
  conflictThoughRight: 0.1,
  timeoutThoughStored: 0.1,
  timeoutNotStored: 0.1,
  storedAfterTimeout: 0.05,
  readTimeout: 0.05,
  duplicateDelivery: 0.2,
};

void test("under all faults, a counter by compare-and-set loses no acknowledged step and takes none twice", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const clock = new VirtualClock();
    const server = new MemoryStateServer({
      layout: CONTRACT_LAYOUT,
      clock,
      faults: { ...FAULTS, random: seededRandom(seed) },
    });
    let unknown = 0;
    const client = async (name: string): Promise<number> => {
      const store = server.connect();
      let sure = 0;
      for (let step = 0; step < 8; step++) {
        try {
          const entry = await store.get("plain", "n");
          const value = bytes(`${Number(text(entry?.value) ?? 0) + 1}`);
          if (entry === undefined) await store.create("plain", "n", value);
          else await store.update("plain", "n", value, entry.revision);
          sure++;
        } catch (thrown) {
          assert.ok(thrown instanceof MpoError, name);
          if (thrown.code !== "conflict") unknown++;
          assert.match(thrown.code, /^(conflict|timed-out|unavailable)$/u);
        }
      }
      return sure;
    };
    const sure = await run(clock, Promise.all(["a", "b", "c"].map(client)));
    // Writes that come late are part of what is unknown.
    await clock.advance(2000);
    const acknowledged = sure.reduce((sum, each) => sum + each, 0);
    const quiet = server.connect();
    const read = async (): Promise<number> => {
      for (;;) {
        const entry = await quiet.get("plain", "n").catch(() => "again" as const);
        if (entry !== "again") return Number(text(entry?.value) ?? 0);
      }
    };
    const total = await run(clock, read());
    assert.ok(
      total >= acknowledged && total <= acknowledged + unknown,
      `seed ${seed}: ${acknowledged} ${total} ${unknown}`,
    );
  }
});

void test("the same seed gives the same story", async () => {
  const story = async (seed: number): Promise<string> => {
    const clock = new VirtualClock();
    const server = new MemoryStateServer({
      layout: CONTRACT_LAYOUT,
      clock,
      faults: { ...FAULTS, random: seededRandom(seed) },
    });
    const store = server.connect();
    const lines: string[] = [];
    const work = async (): Promise<void> => {
      for (let index = 0; index < 20; index++) {
        const ended = store.put("plain", `k${index % 3}`, bytes(`${index}`));
        lines.push(await ended.then(String, (thrown: MpoError) => thrown.code));
        lines.push(String(clock.now()));
      }
    };
    await run(clock, work());
    return lines.join();
  };
  assert.equal(await story(7), await story(7));
  assert.notEqual(await story(7), await story(8));
});

void test("an event whose answer was lost is stored once", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const clock = new VirtualClock();
    const faults = { random: seededRandom(seed), timeoutThoughStored: 0.4, timeoutMs: 100 };
    const server = new MemoryStateServer({ layout: CONTRACT_LAYOUT, clock, faults });
    const store = server.connect();
    await run(clock, store.append("audit", "au.a", bytes("1"), { id: "r" }));
    assert.equal((await run(clock, store.read("audit"))).length, 1);
  }
});

void test("a crash with sync loses nothing, one without takes writes back and resets watches", async () => {
  const server = new MemoryStateServer({ layout: CONTRACT_LAYOUT });
  const store = server.connect();
  await store.put("plain", "a", bytes("1"));
  const ends = new AbortController();
  const seen: string[] = [];
  const steps: Readonly<Record<number, () => Promise<unknown>>> = {
    2: async () => {
      server.crash();
      await assert.rejects(store.get("plain", "a"), { code: "unavailable" });
      server.restart();
      return store.put("plain", "a", bytes("2"));
    },
    3: () => {
      server.crash({ loseNewest: 1 });
      server.restart();
      return Promise.resolve();
    },
    6: () => Promise.resolve(ends.abort()),
  };
  for await (const change of store.watch("plain", { signal: ends.signal })) {
    seen.push(describe(change));
    await steps[seen.length]?.();
  }
  assert.deepEqual(seen, ["a=1", "caught-up", "a=2", "reset", "a=1", "caught-up"]);
  assert.equal(text((await store.get("plain", "a"))?.value), "1");
});

void test("events expire, by the server's clock", async () => {
  const clock = new VirtualClock();
  const store = new MemoryStateServer({ layout: CONTRACT_LAYOUT, clock }).connect();
  await store.append("short", "sh.a", bytes("1"));
  await clock.advance(900);
  assert.equal((await store.read("short")).length, 1);
  await clock.advance(200);
  assert.deepEqual(await store.read("short"), []);
});

void test("stored writes are told on the hub, refused ones are not; any replica may be stale", async () => {
  const hub = new MemoryNotifyHub();
  const server = new MemoryStateServer({ layout: CONTRACT_LAYOUT, hub, faults: { random: () => 0, staleGet: 0.5 } });
  const store = server.connect();
  const ends = new AbortController();
  const heard = await hub.connect().subscribe("dn.s.>", { signal: ends.signal });
  const revision = await store.create("told", "s.t.d", bytes("1"));
  await store.update("told", "s.t.d", bytes("2"), revision);
  await assert.rejects(store.update("told", "s.t.d", bytes("3"), revision), { code: "conflict" });
  await store.put("told", "s.t.d", bytes("4"));
  const values: (string | undefined)[] = [];
  for await (const each of heard) {
    assert.ok(each.kind === "message" && each.subject === "dn.s.t.d");
    values.push(text(each.data));
    if (values.length === 3) ends.abort();
  }
  assert.deepEqual(values, ["1", "2", "4"]);
  assert.equal(text((await store.get("told", "s.t.d", { consistency: "any" }))?.value), "2");
  assert.equal(text((await store.get("told", "s.t.d"))?.value), "4");
});

void test("a leader may have been replaced, and not know it: what is confirmed is the newest all the same", async () => {
  const random = seededRandom(7);
  const faults = { random, staleLeader: 0.3, timeoutNotStored: 0.1, conflictThoughRight: 0.1, timeoutMs: 10 };
  const clock = new VirtualClock();
  const store = new MemoryStateServer({ layout: CONTRACT_LAYOUT, faults, clock }).connect();
  let stale = 0;
  const read = async (): Promise<void> => {
    for (let round = 1; round <= 100; round++) {
      await store.put("told", "s.t.d", bytes(String(round)));
      if (text((await store.get("told", "s.t.d"))?.value) !== String(round)) stale++;
      assert.equal(text((await store.get("told", "s.t.d", { consistency: "confirmed" }))?.value), String(round));
    }
    assert.equal(await store.get("told", "s.t.none", { consistency: "confirmed" }), undefined);
    assert.deepEqual(await store.keys("told"), ["s.t.d"]);
  };
  await run(clock, read());
  assert.ok(stale > 10, `${stale} reads of the leader were stale`);
});

function describe(change: StoreChange): string {
  if (change.kind === "put") return `${change.entry.key}=${text(change.entry.value)}`;
  return change.kind;
}
