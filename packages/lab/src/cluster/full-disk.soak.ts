import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { MIB } from "@mpo/core";
import { systemClock } from "@mpo/io";
import { NatsLink, openJetstreamStore, type StateStore, type StoreLayout, type StoreReplicas } from "@mpo/transport";
import { binary, type ClusterNode, NatsCluster, skip } from "@mpo/transport/testing";
import { Surroundings } from "./cluster-surroundings.ts";
import { whyNoDisks } from "./faulty-disk.ts";

/** Each is a group of its own: the disk is full for some in the moment that matters. */
const LOGS = ["log1", "log2", "log3", "log4", "log5", "log6"];
const LAYOUT: StoreLayout = {
  buckets: [],
  streams: LOGS.map((name) => ({
    ...{ name, subjects: [`${name}.>`], maxValueBytes: 1_000, maxBytes: 64 * MIB },
    ...{ duplicateWindowMs: 60_000, isPermanent: true },
  })),
};
const WRITERS = 24;
const WARM_UP_MS = 2_000;
const SHUT_DOWN_MS = 4_000;
/** A full disk makes a copy that differs in some rounds; each has another server that leads. */
const ROUNDS = 3;

/** Small entries and large ones: after one that does not fit, another does. */
async function write(store: StateStore, signal: AbortSignal): Promise<readonly string[]> {
  const acknowledged: string[] = [];
  const work = async (writer: number): Promise<void> => {
    for (let count = 0; !signal.aborted; count++) {
      const word = `${writer}-${count}`;
      const length = (writer * 131 + count * 37) % 900;
      const log = LOGS[(writer + count) % LOGS.length] ?? "";
      await store.append(log, `${log}.a`, Buffer.from(word.padEnd(length))).then(
        () => acknowledged.push(word),
        // It is not known of these whether they are there.
        () => undefined,
      );
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => work(writer)));
  return acknowledged;
}

/** Whose disk is full only after the others have chosen who leads in its place: it goes on for two seconds until then. */
async function leaderOf({ nodes }: NatsCluster): Promise<ClusterNode> {
  const [first] = nodes;
  assert.ok(first !== undefined);
  const page = (await (await fetch(`${first.monitorUrl}/jsz`)).json()) as { meta_cluster?: { leader?: string } };
  const found = nodes.find(({ name }) => name === page.meta_cluster?.leader);
  assert.ok(found !== undefined);
  return found;
}

/** With all servers there. */
async function compared(store: StateStore): Promise<StoreReplicas["differences"]> {
  for (;;) {
    const found = await store.replicas?.({}).catch(() => undefined);
    if (found?.away.length === 0) return found.differences;
    await systemClock.sleep(500, {});
  }
}

it("a server whose disk was full is right again with an empty store, whatever it held, and nothing acknowledged is lost", {
  skip: skip === false ? ((await whyNoDisks()) ?? false) : skip,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "mpo-full-disk-"));
  const surroundings = new Surroundings({ hasDisks: true, keepsStores: false });
  const endings: (() => Promise<void>)[] = [
    () => rm(folder, { recursive: true, force: true }),
    () => surroundings.end(),
  ];
  t.after(async () => {
    for (const end of endings.reverse()) await end();
  });
  const cluster = await NatsCluster.start(binary().path, folder, 3 * 1024 * MIB, surroundings.ofCluster);
  endings.push(() => cluster.stop());
  const servers = cluster.nodes.map(({ url }) => url);
  const link = await NatsLink.open({
    servers,
    name: "test",
    reconnectBaseMs: 50,
    reconnectCapMs: 200,
    requestTimeoutMs: 20_000,
  });
  endings.push(() => link.close());
  const store = await openJetstreamStore(link, { layout: LAYOUT, replicas: 3, allowsAsync: true });
  const ends = new AbortController();
  const writing = write(store, ends.signal);
  endings.push(async () => {
    ends.abort();
    await writing;
  });
  const restart = async (server: ClusterNode, isEmptied: boolean): Promise<void> => {
    await cluster.kill(server);
    if (isEmptied) await surroundings.emptyStore(server);
    await cluster.restart(server);
  };
  const wasFull = new Set<ClusterNode>();
  const wrong = new Set<string>();
  for (let round = 0; round < ROUNDS && wrong.size === 0; round++) {
    await systemClock.sleep(WARM_UP_MS, {});
    const server = await leaderOf(cluster);
    wasFull.add(server);
    // For a moment, as when another program writes there.
    const log = async (): Promise<string> => await readFile(`${server.folder}.log`, "utf8");
    const { length } = await log();
    await surroundings.diskOf(server.name).fill();
    while (!(await log()).slice(length).includes("no space left")) await systemClock.sleep(1, {});
    await surroundings.diskOf(server.name).free();
    await systemClock.sleep(SHUT_DOWN_MS, {});
    // What nobody should do.
    await restart(server, false);
    // It may store in the wrong place only what comes now.
    await systemClock.sleep(WARM_UP_MS, {});
    const differences = await compared(store);
    t.diagnostic(`round ${round + 1}, disk of ${server.name}: ${JSON.stringify(differences)}`);
    for (const { server: name, isCertain } of differences) {
      assert.ok(isCertain);
      wrong.add(name);
    }
  }
  ends.abort();
  const acknowledged = await writing;
  assert.ok(wrong.size < 2);
  for (const server of wasFull) if (wrong.delete(server.name)) await restart(server, true);
  assert.deepEqual([...wrong], []);
  assert.deepEqual(await compared(store), []);
  const logs = await Promise.all(LOGS.map((name) => store.read(name, { limit: Number.MAX_SAFE_INTEGER })));
  const stored = new Set(logs.flat().map(({ value }) => Buffer.from(value).toString().trimEnd()));
  assert.deepEqual(
    acknowledged.filter((word) => !stored.has(word)),
    [],
  );
});
