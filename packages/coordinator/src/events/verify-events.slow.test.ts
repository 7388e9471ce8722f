import assert from "node:assert/strict";
import { it } from "node:test";
import { systemClock } from "@mpo/io";
import { silentLogger } from "@mpo/runtime";
import { FLEET_LAYOUT, openJetstreamStore, STREAMS } from "@mpo/transport";
import { openLink, skip, startServer } from "@mpo/transport/testing";
import { CALL, eventually } from "../testing/tiny-fleet.ts";
import { Audit } from "./audit.ts";
import { verifyEvents } from "./verify-events.ts";

it("a stream that somebody replaced by an edited copy is found, and one that nobody touched is well", {
  skip,
}, async (t) => {
  const server = await startServer(t);
  const link = await openLink(t, server.address.url);
  const options = { layout: FLEET_LAYOUT, replicas: 1, monitorUrls: [server.address.monitorUrl] };
  const store = await openJetstreamStore(link, options);
  t.after(() => store.close());
  const context = { store, clock: systemClock, random: Math.random, logger: silentLogger };
  const audit = new Audit(context, { newId: () => crypto.randomUUID() });
  const ends = new AbortController();
  const running = audit.run(ends.signal);
  t.after(async () => {
    ends.abort();
    await running;
  });
  const write = (message: string): Promise<void> =>
    audit.write({ kind: "tested", identity: { tenant: "acme", device: "pi" }, actor: "test", message });
  await Promise.all(Array.from({ length: 30 }, (_, index) => write(`event ${index + 1}`)));
  await eventually(async () => audit.known.at(-1)?.sequence === 30 || undefined);
  const known = audit.known;
  const findings = async (): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const answer of verifyEvents({ store, clock: systemClock, known: () => known }, {}, CALL)) {
      found.push(...answer.findings.map(({ kind, sequence }) => `${kind} ${sequence}`));
    }
    return found;
  };
  assert.deepEqual(await findings(), []);

  const manager = await link.connection.jetstreamManager();
  await assert.rejects(manager.streams.deleteMessage(STREAMS.audit, 7));
  await assert.rejects(manager.streams.purge(STREAMS.audit));
  const events = await store.read(STREAMS.audit);
  const { config } = await manager.streams.info(STREAMS.audit);
  const replaceBy = async (copy: typeof events): Promise<void> => {
    await manager.streams.delete(STREAMS.audit);
    // Without what forbids it, so that it can be edited in place.
    await manager.streams.add({ ...config, deny_delete: false, deny_purge: false });
    for (const { subject, value } of copy) await link.connection.jetstream().publish(subject, value);
  };
  await replaceBy(events);
  assert.deepEqual(await findings(), [], "a faithful copy");
  await manager.streams.deleteMessage(STREAMS.audit, 7);
  assert.deepEqual(await findings(), ["missing 7"]);
  await manager.streams.purge(STREAMS.audit, { seq: 5 });
  assert.deepEqual(await findings(), ["missing 1", "missing 7"]);
  const edit = (bytes: Uint8Array): Uint8Array =>
    Buffer.from(Buffer.from(bytes).toString().replace("event 12", "event 99"));
  await replaceBy(events.map((event) => ({ ...event, value: edit(event.value) })));
  assert.deepEqual(await findings(), ["changed 12"]);
  await replaceBy(events.slice(0, 28));
  assert.deepEqual(await findings(), ["missing 30"]);
});
