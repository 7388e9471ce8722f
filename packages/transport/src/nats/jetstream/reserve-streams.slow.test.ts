import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "@mpo/io";
import { FLEET_LAYOUT } from "../../store/fleet-layout.ts";
import { binary, type Ends, openLink, skip, temporaryFolder } from "../../testing/nats-room.ts";
import type { NatsLink } from "../nats-link.ts";
import { addressOf } from "../server/launch-server.ts";
import { openJetstreamStore } from "./jetstream-state-store.ts";

const MIB = 2 ** 20;

interface Limits {
  readonly server: string;
  /** Of the account. */
  readonly account?: string;
}

/** A server that somebody else runs, with limits that may change. */
async function startExternal(t: Ends, limits: Limits): Promise<{ link: NatsLink; set(limits: Limits): Promise<void> }> {
  const folder = await temporaryFolder(t);
  const config = join(folder, "nats.conf");
  const write = ({ server, account }: Limits): Promise<void> =>
    writeFile(
      config,
      `port: -1, http: "127.0.0.1:-1", ports_file_dir: "${folder}", no_auth_user: a
jetstream { store_dir: "${folder}", sync_interval: always, max_file_store: ${server} }
accounts { A: { jetstream: ${account === undefined ? "enabled" : `{ max_file: ${account} }`}, users: [{ user: a, password: a }] } }`,
    );
  await write(limits);
  const child = spawn(binary().path, ["--config", config], { stdio: "ignore" });
  t.after(async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  for (;;) {
    const address = await addressOf(folder, child.pid as number).catch(() => undefined);
    const link = address === undefined ? undefined : await openLink(t, address.url).catch(() => undefined);
    if (link === undefined) await systemClock.sleep(20);
    else {
      const set = async (changed: Limits): Promise<void> => {
        await write(changed);
        child.kill("SIGHUP");
        await systemClock.sleep(500);
      };
      return { link, set };
    }
  }
}

async function reserved(link: NatsLink): Promise<number> {
  let bytes = 0;
  for await (const { config } of (await link.connection.jetstreamManager()).streams.list()) bytes += config.max_bytes;
  return bytes / MIB;
}

void test("streams of a cluster reserve what its servers have left", { skip }, async (t) => {
  const { link } = await startExternal(t, { server: "1GB" });
  await openJetstreamStore(link, { layout: FLEET_LAYOUT });
  const first = await reserved(link);
  assert.ok(first > 600 && first <= 1024, `${first} MiB`);
  await openJetstreamStore(link, { layout: FLEET_LAYOUT });
  assert.equal(await reserved(link), first);
});

void test("they follow the limit of the account, and a store that exists opens with less", { skip }, async (t) => {
  const { link, set } = await startExternal(t, { server: "40GB", account: "600MB" });
  const store = await openJetstreamStore(link, { layout: FLEET_LAYOUT });
  const first = await reserved(link);
  assert.ok(first > 500 && first <= 600, `${first} MiB`);
  const revision = await store.put("ident", "acme.pi-1", new Uint8Array(1000));
  await set({ server: "40GB", account: "1200MB" });
  await store.reserve?.({});
  const second = await reserved(link);
  assert.ok(second > 1000 && second <= 1200, `${second} MiB`);
  await set({ server: "40GB", account: "300MB" });
  await openJetstreamStore(link, { layout: FLEET_LAYOUT });
  assert.equal(await reserved(link), second, "JetStream lets nothing be changed then");
  assert.equal((await store.get("ident", "acme.pi-1"))?.revision, revision);
});

void test("a new store that does not fit says how much is needed, and why it is not there", { skip }, async (t) => {
  for (const limits of [{ server: "40GB", account: "60MB" }, { server: "60MB" }]) {
    const { link } = await startExternal(t, limits);
    await assert.rejects(openJetstreamStore(link, { layout: FLEET_LAYOUT }), {
      code: "unavailable",
      message: /^a new store needs 256\.0 MiB of JetStream at 127\.0\.0\.1:\d+: .*insufficient storage/u,
      hint: /max_file_store/u,
    });
  }
});

void test("a stream that is gone is said with what was lost", { skip }, async (t) => {
  const { link } = await startExternal(t, { server: "1GB" });
  await openJetstreamStore(link, { layout: FLEET_LAYOUT });
  await (await link.connection.jetstreamManager()).streams.delete("KV_profile");
  const warned = t.mock.method(link.logger, "warn");
  await openJetstreamStore(link, { layout: FLEET_LAYOUT });
  const facts = warned.mock.calls.map((call) => call.arguments[1] as Readonly<Record<string, unknown>>);
  const said = facts.filter(({ stream }) => stream !== undefined);
  assert.deepEqual(
    said.map(({ stream }) => stream),
    ["KV_profile"],
  );
  assert.match(String(said[0]?.["lost"]), /profiles of all devices/u);
});
