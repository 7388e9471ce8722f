import assert from "node:assert/strict";
import { it } from "node:test";
import { MIB } from "@mpo/core";
import { DiscardPolicy } from "nats";
import type { CopiedRecord } from "../../store/copy-store.ts";
import type { StoreLayout } from "../../store/store-layout.ts";
import { openLink, skip, startServer } from "../../testing/nats-room.ts";
import { openJetstreamStore } from "./jetstream-state-store.ts";
import { StoreCopy } from "./store-copy.ts";

const COMMON = { history: 1, maxValueBytes: MIB, maxBytes: 512 * MIB, allowDirect: false };
const LAYOUT: StoreLayout = {
  buckets: [{ ...COMMON, name: "busy" }],
  streams: [
    {
      ...{ name: "happened", subjects: ["hp.>"], maxValueBytes: 1024, maxBytes: 64 * MIB },
      ...{ duplicateWindowMs: 60_000, isPermanent: true },
    },
  ],
};
const KEYS = 40;
/** So large that the server's files, of some MiB each, come and go while they are copied. */
const VALUE_BYTES = 200_000;

void it("a copy of a bucket that is written to is the bucket at one moment", { skip, timeout: 120_000 }, async (t) => {
  const server = await startServer(t);
  const link = await openLink(t, server.address.url);
  const store = await openJetstreamStore(link, { layout: LAYOUT, monitorUrls: [server.address.monitorUrl] });
  const copy = await StoreCopy.open(await openLink(t, server.address.url), { layout: LAYOUT });
  let isOver = false;
  const writing = (async () => {
    // One after the other, round after round.
    for (let round = 1; !isOver; round++) {
      for (let key = 0; key < KEYS; key++) await store.put("busy", `k.${key}`, Buffer.alloc(VALUE_BYTES, `${round} `));
    }
  })();
  let copies = 0;
  const endMs = Date.now() + 10_000;
  while (Date.now() < endMs || copies < 10) {
    const left = new Map<number, number>();
    for await (const { subject, value } of copy.read("KV_busy"))
      left.set(Number(subject.split(".").at(-1)), Number.parseInt(Buffer.from(value.subarray(0, 16)).toString(), 10));
    copies += 1;
    if (left.size === 0) continue;
    // The writer's place: each key before it has this round, each after it the round before.
    const rounds = Array.from({ length: KEYS }, (_, key) => left.get(key) ?? 0);
    const newest = rounds[0] as number;
    const cut = rounds.findIndex((round) => round !== newest);
    const expected = rounds.map((_, key) => (cut === -1 || key < cut ? newest : newest - 1));
    assert.deepEqual(rounds, expected, `copy ${copies}`);
  }
  isOver = true;
  await writing;
  assert.ok(copies >= 10, `${copies} copies`);
});

void it("an empty store is filled with what was read, and events keep their places", {
  skip,
  timeout: 60_000,
}, async (t) => {
  const from = await startServer(t);
  const link = await openLink(t, from.address.url);
  const store = await openJetstreamStore(link, { layout: LAYOUT, monitorUrls: [from.address.monitorUrl] });
  for (let key = 0; key < 200; key++) await store.put("busy", `k.${key}`, Buffer.from(`${key}`));
  await store.delete("busy", "k.7");
  for (let index = 0; index < 100; index++) await store.append("happened", "hp.a", Buffer.from(`${index}`));
  const manager = await link.connection.jetstreamManager();
  // Its first events are too old by now.
  await manager.streams.update("happened", { deny_purge: true, max_msgs: 60, discard: DiscardPolicy.Old });
  const source = await StoreCopy.open(link, { layout: LAYOUT });
  const events = await all(source.read("happened"));
  assert.equal(events[0]?.sequence, 41);

  const to = await startServer(t);
  const target = await StoreCopy.open(await openLink(t, to.address.url), { layout: LAYOUT });
  assert.deepEqual([...(await target.streams())], []);
  await target.make({ firstSequences: new Map([["happened", 41]]) });
  await target.write("KV_busy", await all(source.read("KV_busy")));
  await target.write("happened", events);
  const short = ({ subject, value, sequence }: CopiedRecord) => [subject, sequence, Buffer.from(value).toString()];
  assert.deepEqual((await all(target.read("happened"))).map(short), events.map(short));
  const copied = await openJetstreamStore(await openLink(t, to.address.url), { layout: LAYOUT, allowsAsync: true });
  const keys = await copied.keys("busy");
  assert.equal(keys.length, 199);
  for (const key of keys)
    assert.equal(`k.${Buffer.from((await copied.get("busy", key))?.value ?? []).toString()}`, key);
  assert.equal((await copied.append("happened", "hp.a", Buffer.from("next"))).sequence, 101);
  await target.remove();
  assert.deepEqual([...(await target.streams())], []);
});

async function all(records: AsyncIterable<CopiedRecord>): Promise<readonly CopiedRecord[]> {
  const found: CopiedRecord[] = [];
  for await (const record of records) found.push(record);
  return found;
}
