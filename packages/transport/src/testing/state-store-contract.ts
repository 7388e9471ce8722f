import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { MpoError } from "@mpo/core";
import type { StateStore, StoreChange, StreamEvent } from "../store/state-store.ts";
import type { StoreLayout } from "../store/store-layout.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Bytes of a text. */
export const bytes = (text: string): Uint8Array => encoder.encode(text);
/** Text of bytes. */
export const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : decoder.decode(value);

const BUCKET = { history: 1, maxValueBytes: 100, maxBytes: 2 ** 20, allowDirect: false };

/** Small buckets and streams for tests. */
export const CONTRACT_LAYOUT: StoreLayout = {
  buckets: [
    { ...BUCKET, name: "plain" },
    { ...BUCKET, name: "told", allowDirect: true, history: 3, republish: { src: "$KV.told.>", dest: "dn.>" } },
  ],
  streams: [
    {
      name: "events",
      subjects: ["ev.>"],
      maxValueBytes: 100,
      maxBytes: 2 ** 20,
      duplicateWindowMs: 60_000,
      isPermanent: false,
    },
    {
      name: "audit",
      subjects: ["au.>"],
      maxValueBytes: 100,
      maxBytes: 4096,
      duplicateWindowMs: 60_000,
      isPermanent: true,
    },
    {
      name: "short",
      subjects: ["sh.>"],
      maxValueBytes: 100,
      maxBytes: 4096,
      maxAgeMs: 1000,
      duplicateWindowMs: 1000,
      isPermanent: false,
    },
  ],
};

/** Gives two connections to one empty store; ends them when the test ends. */
export type MakeStores = (t: TestContext) => Promise<{ readonly store: StateStore; readonly other: StateStore }>;

const conflict = { name: "MpoError", code: "conflict" };

/** Tests that every `StateStore` must pass. */
export function testStateStore(name: string, make: MakeStores): void {
  void test(`${name}: a key is put, read by another, deleted, and created again`, async (t) => {
    const { store, other } = await make(t);
    assert.equal(await other.get("plain", "a.b"), undefined);
    const first = await store.put("plain", "a.b", bytes("1"));
    const entry = await other.get("plain", "a.b");
    assert.deepEqual([entry?.key, text(entry?.value), entry?.revision], ["a.b", "1", first]);
    assert.deepEqual(await other.get("plain", "a.b", { consistency: "confirmed" }), entry);
    assert.ok((entry?.storedAtMs ?? 0) >= 0);
    await store.delete("plain", "a.b");
    assert.equal(await other.get("plain", "a.b"), undefined);
    await assert.rejects(store.update("plain", "a.b", bytes("2"), first), conflict);
    const second = await other.create("plain", "a.b", bytes("2"));
    assert.ok(second > first);
    assert.equal(text((await store.get("plain", "a.b"))?.value), "2");
    await assert.rejects(store.create("plain", "a.b", bytes("3")), conflict);
    await assert.rejects(store.delete("plain", "a.b", { expectedRevision: first }), conflict);
    await store.delete("plain", "a.b", { expectedRevision: second });
    assert.deepEqual(await store.keys("plain"), []);
  });

  void test(`${name}: of many racers on one revision one wins`, async (t) => {
    const { store, other } = await make(t);
    const race = async (write: (each: StateStore, index: number) => Promise<number>): Promise<number> => {
      const all = Array.from({ length: 50 }, (_, index) => write(index % 2 === 0 ? store : other, index));
      const ended = await Promise.allSettled(all);
      for (const each of ended) {
        if (each.status === "rejected") assert.equal((each.reason as MpoError).code, "conflict", String(each.reason));
      }
      const winners = ended.flatMap((each, index) => (each.status === "fulfilled" ? [{ index, at: each.value }] : []));
      assert.equal(winners.length, 1);
      const entry = await store.get("plain", "raced");
      assert.deepEqual([text(entry?.value), entry?.revision], [String(winners[0]?.index), winners[0]?.at]);
      return entry?.revision as number;
    };
    const revision = await race((each, index) => each.create("plain", "raced", bytes(String(index))));
    await race((each, index) => each.update("plain", "raced", bytes(String(index)), revision));
  });

  void test(`${name}: a watch yields what is there, then what changes, in order`, async (t) => {
    const { store, other } = await make(t);
    await store.put("plain", "x.1", bytes("a"));
    await store.put("plain", "x.1", bytes("b"));
    await store.put("plain", "y.1", bytes("not watched"));
    const ends = new AbortController();
    const seen: string[] = [];
    for await (const change of other.watch("plain", { keys: "x.>", signal: ends.signal })) {
      seen.push(shown(change));
      if (change.kind === "caught-up") {
        await store.put("plain", "x.2", bytes("c"));
        await store.delete("plain", "x.1");
      }
      if (change.kind === "delete") ends.abort();
    }
    assert.deepEqual(seen, ["x.1=b", "caught-up", "x.2=c", "x.1 gone"]);
    assert.deepEqual(await store.keys("plain"), ["x.2", "y.1"]);
    assert.deepEqual(await store.keys("plain", { keys: "y.*" }), ["y.1"]);
  });

  void test(`${name}: a watch of nothing is caught up at once, and an aborted one ends`, async (t) => {
    const { store } = await make(t);
    const ends = new AbortController();
    for await (const change of store.watch("plain", { signal: ends.signal })) {
      assert.equal(change.kind, "caught-up");
      ends.abort();
    }
    for await (const change of store.watch("plain", { signal: AbortSignal.abort() })) assert.fail(change.kind);
    await assert.rejects(store.keys("plain", { signal: AbortSignal.abort() }), { code: "cancelled" });
  });

  void test(`${name}: events are appended once, kept in order, read and followed`, async (t) => {
    const { store, other } = await make(t);
    const first = await store.append("events", "ev.a", bytes("1"), { id: "r1" });
    assert.equal(first.isDuplicate, false);
    const again = await other.append("events", "ev.a", bytes("1"), { id: "r1" });
    assert.deepEqual(again, { sequence: first.sequence, isDuplicate: true });
    const elsewhere = await store.append("events", "ev.b", bytes("2"), { id: "r1" });
    assert.equal(elsewhere.isDuplicate, false);
    for (const value of ["3", "4", "5"]) await store.append("events", "ev.a", bytes(value));
    const list = (events: readonly StreamEvent[]): string[] => events.map(({ value }) => text(value) as string);
    assert.deepEqual(list(await other.read("events")), ["1", "2", "3", "4", "5"]);
    assert.deepEqual(list(await other.read("events", { subject: "ev.a", limit: 2 })), ["1", "3"]);
    assert.deepEqual(list(await other.read("events", { from: elsewhere.sequence + 2 })), ["4", "5"]);
    assert.deepEqual(await other.read("events", { from: 1000 }), []);
    assert.equal(text((await other.read("events", { subject: "ev.a" })).at(-1)?.value), "5");
    assert.deepEqual(await other.read("events", { subject: "ev.none" }), []);
    const ends = new AbortController();
    const followed: string[] = [];
    for await (const event of other.follow("events", { from: elsewhere.sequence + 3, signal: ends.signal })) {
      followed.push(text(event.value) as string);
      if (followed.length === 1) await store.append("events", "ev.b", bytes("6"));
      else ends.abort();
    }
    assert.deepEqual(followed, ["5", "6"]);
  });

  void test(`${name}: bad calls are refused before they are sent`, async (t) => {
    const { store } = await make(t);
    const refused = { name: "MpoError", code: "invalid-argument" };
    for (const key of ["", ".", "a.", ".a", "a b", "a*", "a.>", "ä", "a".repeat(513)]) {
      await assert.rejects(store.put("plain", key, bytes("x")), refused, key);
      await assert.rejects(store.get("plain", key), refused, key);
    }
    await assert.rejects(store.put("nowhere", "a", bytes("x")), refused);
    await assert.rejects(store.put("plain", "a", new Uint8Array(101)), refused);
    await assert.rejects(store.update("plain", "a", bytes("x"), 0), refused);
    await assert.rejects(store.append("events", "other.a", bytes("x")), refused);
    await assert.rejects(store.append("nowhere", "ev.a", bytes("x")), refused);
    await assert.rejects(store.append("events", "ev.a", new Uint8Array(101)), refused);
    await assert.rejects(store.put("plain", "a", bytes("x"), { signal: AbortSignal.abort() }), { code: "cancelled" });
  });

  void test(`${name}: a full stream refuses, and keeps what it has`, async (t) => {
    const { store } = await make(t);
    const stored: number[] = [];
    const fill = async (): Promise<void> => {
      for (;;) stored.push((await store.append("audit", "au.t.k", new Uint8Array(100))).sequence);
    };
    await assert.rejects(fill(), { name: "MpoError", code: "over-budget" });
    assert.deepEqual(
      (await store.read("audit")).map(({ sequence }) => sequence),
      stored,
    );
  });

  void test(`${name}: a closed store ends its watches and refuses calls`, async (t) => {
    const { store, other } = await make(t);
    for await (const change of store.watch("plain", { signal: new AbortController().signal })) {
      if (change.kind === "caught-up") await store.close();
    }
    await assert.rejects(store.get("plain", "a"), { code: "unavailable" });
    await assert.rejects(store.put("plain", "a", bytes("x")), (thrown) => thrown instanceof MpoError);
    await other.put("plain", "a", bytes("x"));
    await store.close();
  });
}

function shown(change: StoreChange): string {
  if (change.kind === "put") return `${change.entry.key}=${text(change.entry.value)}`;
  return change.kind === "delete" ? `${change.key} gone` : change.kind;
}
