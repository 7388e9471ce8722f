import assert from "node:assert/strict";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import type { StateStore, StoreReplicas } from "../../store/state-store.ts";
import type { StoreLayout } from "../../store/store-layout.ts";
import { type ClusterNode, NatsCluster } from "../../testing/nats-cluster.ts";
import { binary, type Ends, openLink, skip, temporaryFolder } from "../../testing/nats-room.ts";
import { openJetstreamStore } from "./jetstream-state-store.ts";

const LAYOUT: StoreLayout = {
  buckets: [{ name: "box", history: 1, maxBytes: 2 ** 20, maxValueBytes: 1000, allowDirect: true }],
  streams: [
    {
      ...{ name: "log", subjects: ["log.>"], maxValueBytes: 1000, maxBytes: 2 ** 20 },
      ...{ duplicateWindowMs: 60_000, isPermanent: true },
    },
  ],
};
const ENTRIES = 30;

async function startStore(t: Ends, word: string): Promise<{ cluster: NatsCluster; store: StateStore }> {
  const cluster = await NatsCluster.start(binary().path, await temporaryFolder(t), 2 ** 30);
  t.after(() => cluster.stop());
  const servers = cluster.nodes.map(({ url }) => url);
  const settings = { servers, name: "test", reconnectBaseMs: 50, reconnectCapMs: 200, requestTimeoutMs: 5_000 };
  const link = await openLink(t, settings);
  const store = await openJetstreamStore(link, { layout: LAYOUT, replicas: 3, allowsAsync: true });
  for (let count = 0; count < ENTRIES; count++) {
    await store.append("log", "log.a", Buffer.from(`${word} ${count}`));
    await store.put("box", `key${count % 4}`, Buffer.from(`${word} ${count}`));
  }
  return { cluster, store };
}

const messages = ({ folder }: ClusterNode): string => join(folder, "jetstream", "FLEET", "streams", "log", "msgs");

/** Servers that have just come back have all, and are not known to have it for some moments. */
async function compared(store: StateStore): Promise<StoreReplicas | undefined> {
  for (;;) {
    const found = await store.replicas?.({});
    if (found?.away.length === 0) return found;
  }
}

it("a server's copy that differs is named, and is right again when the server starts with an empty store", {
  skip,
}, async (t) => {
  const { cluster, store } = await startStore(t, "right");
  const strange = await startStore(t, "wrong");
  const [victim, stranger] = [cluster.nodes[1], strange.cluster.nodes[1]];
  assert.ok(victim !== undefined && stranger !== undefined);
  const servers = ["n1", "n2", "n3"];
  assert.deepEqual(await compared(store), { servers, away: [], differences: [] });

  // As long, in the same places, and valid: only what it holds is not what the others hold.
  await strange.cluster.stop();
  await cluster.kill(victim);
  await rm(messages(victim), { recursive: true });
  await cp(messages(stranger), messages(victim), { recursive: true });
  await cluster.restart(victim);
  assert.deepEqual(await compared(store), {
    ...{ servers, away: [] },
    differences: [{ stream: "log", server: "n2", sequence: 1, isCertain: true }],
  });

  await cluster.kill(victim);
  await rm(join(victim.folder, "jetstream"), { recursive: true });
  await cluster.restart(victim);
  assert.deepEqual(await compared(store), { servers, away: [], differences: [] });
  const log = await store.read("log");
  assert.deepEqual(
    log.map(({ value }) => Buffer.from(value).toString()),
    Array.from({ length: ENTRIES }, (_, count) => `right ${count}`),
  );
});
