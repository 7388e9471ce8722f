import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { extname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { systemClock } from "@mpo/io";
import { FLEET_LAYOUT } from "../../store/fleet-layout.ts";
import { TestIdentities } from "../../testing/nats-identities.ts";
import { binary, openLink, skip, startServer, temporaryFolder } from "../../testing/nats-room.ts";
import { bytes, CONTRACT_LAYOUT, text } from "../../testing/state-store-contract.ts";
import { openJetstreamStore } from "../jetstream/jetstream-state-store.ts";
import { checkStore, setAsideStreams } from "./check-store.ts";
import { EmbeddedNatsServer } from "./embedded-nats-server.ts";
import { identify, isStill } from "./process-identity.ts";
import { streamsFolder } from "./stream-folders.ts";

void test("it listens on loopback, syncs always, and is gone after stop", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const server = await startServer(t, { folder });
  const facts = await server.facts();
  assert.deepEqual([facts.host, facts.syncsAlways, facts.hasJetstream], ["127.0.0.1", true, true]);
  assert.match(server.address.url, /^nats:\/\/127\.0\.0\.1:\d+$/u);
  assert.equal(server.wasAdopted, false);
  const identity = await identify(server.pid);
  await assert.rejects(EmbeddedNatsServer.start({ binary: binary(), folder }), { code: "already-exists" });
  await server.stop();
  assert.equal(identity !== undefined && (await isStill(identity)), false);
  await server.ended;
  assert.deepEqual(
    (await readdir(folder)).filter((name) => /\.json$|\.pid$/u.test(name)),
    [],
  );
});

void test("its log begins anew when it has become long, and one before it is kept", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "nats-server.log");
  for (const before of ["first", "second"]) {
    await writeFile(path, `${before}\n${"x".repeat(9_000_000)}`);
    await (await startServer(t, { folder })).stop();
    assert.ok((await readFile(`${path}.1`, "utf8")).startsWith(before));
    assert.ok((await stat(path)).size < 100_000);
  }
});

void test("it is started again on the same port when it is killed", { skip }, async (t) => {
  const server = await startServer(t, { random: () => 0 });
  const { url } = server.address;
  const { pid } = server;
  process.kill(pid, "SIGKILL");
  while (server.pid === pid) await systemClock.sleep(20);
  assert.equal(server.address.url, url);
  assert.equal((await server.facts()).syncsAlways, true);
});

const STOPPER = `
  const { EmbeddedNatsServer } = await import(process.env.MODULE);
  for (let round = 0; round < 5; round++) {
    const server = await EmbeddedNatsServer.start({ binary: JSON.parse(process.env.BINARY), folder: process.env.FOLDER });
    process.kill(server.pid, "SIGKILL");
    await server.stop();
  }
  console.log("stopped");
`;

void test("stopping ends although nothing else keeps the process alive", { skip }, async (t) => {
  const MODULE = new URL(`./embedded-nats-server${extname(import.meta.url)}`, import.meta.url).href;
  const env = { ...process.env, MODULE, FOLDER: await temporaryFolder(t), BINARY: JSON.stringify(binary()) };
  const args = ["--conditions=source", "--import", "tsx", "--input-type=module", "-e", STOPPER];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, cwd: import.meta.dirname });
  assert.equal(stdout, "stopped\n");
});

const OWNER = `
  const { EmbeddedNatsServer } = await import(process.env.MODULE);
  const { claims, pair } = JSON.parse(process.env.IDENTITIES);
  const tls = { current: () => pair, onChange: () => () => undefined };
  const identities = claims === undefined ? undefined : { claims: () => claims, tls };
  const binary = JSON.parse(process.env.BINARY);
  const server = await EmbeddedNatsServer.start({ binary, folder: process.env.FOLDER, identities });
  console.log(JSON.stringify({ pid: server.pid, url: server.address.url, wasAdopted: server.wasAdopted }));
  // It ends with the test, also when that is killed.
  process.stdin.resume().on("end", () => process.exit());
`;

interface Owned {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly url: string;
}

/** A process that owns a server, as a coordinator does, to be killed. */
async function startOwner(folder: string, identities?: TestIdentities): Promise<Owned> {
  const args = ["--conditions=source", "--import", "tsx", "--input-type=module", "-e", OWNER];
  const MODULE = new URL(`./embedded-nats-server${extname(import.meta.url)}`, import.meta.url).href;
  const IDENTITIES = JSON.stringify({ claims: identities?.claims(), pair: identities?.tls.current() });
  const env = { ...process.env, MODULE, FOLDER: folder, BINARY: JSON.stringify(binary()), IDENTITIES };
  const child = spawn(process.execPath, args, { env, cwd: import.meta.dirname, stdio: ["pipe", "pipe", "inherit"] });
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  return { child, ...(JSON.parse(String(line)) as { pid: number; url: string }) };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

void test("a server whose owner was killed is refused to a second owner before, and taken over after", {
  skip,
}, async (t) => {
  const folder = await temporaryFolder(t);
  const owner = await startOwner(folder);
  t.after(() => kill(owner.child));
  await assert.rejects(EmbeddedNatsServer.start({ binary: binary(), folder }), {
    code: "already-exists",
    message: new RegExp(`process ${owner.child.pid} `, "u"),
  });
  const link = await openLink(t, owner.url);
  const store = await openJetstreamStore(link, { layout: CONTRACT_LAYOUT });
  await store.put("plain", "kept", bytes("1"));
  await kill(owner.child);
  const server = await startServer(t, { folder });
  assert.deepEqual([server.wasAdopted, server.pid, server.address.url], [true, owner.pid, owner.url]);
  assert.equal(text((await store.get("plain", "kept"))?.value), "1");
  // Though no child of ours, it is watched over.
  process.kill(server.pid, "SIGKILL");
  while (server.pid === owner.pid) await systemClock.sleep(20);
  assert.equal(server.address.url, owner.url);
  for (;;) {
    const entry = await store.get("plain", "kept").catch(() => undefined);
    if (text(entry?.value) === "1") break;
    await systemClock.sleep(50);
  }
});

void test("a server ends with an owner that exits without stopping it, though it hangs", { skip }, async (t) => {
  const owner = await startOwner(await temporaryFolder(t));
  process.kill(owner.pid, "SIGSTOP");
  owner.child.stdin?.end();
  await once(owner.child, "exit");
  while ((await identify(owner.pid)) !== undefined) await systemClock.sleep(10);
});

void test("a left server that does not fit is ended, and another started in its place", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const owner = await startOwner(folder);
  await kill(owner.child);
  const left = await identify(owner.pid);
  assert.ok(left !== undefined);
  const port = await freePort();
  const server = await startServer(t, { folder, port });
  assert.deepEqual([server.wasAdopted, server.address.url], [false, `nats://127.0.0.1:${port}`]);
  assert.equal(await isStill(left), false);
});

void test("a left server is taken over with the same identities, and ended with others", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const identities = await TestIdentities.make();
  const owner = await startOwner(folder, identities);
  await kill(owner.child);
  // Its certificate may have been renewed meanwhile.
  await identities.renewCertificate();
  const server = await startServer(t, { folder, identities });
  assert.deepEqual([server.wasAdopted, server.address.url], [true, owner.url]);
  await (await openLink(t, identities.role(owner.url, "coordinator"))).connection.flush();
  await server.stop();
  const others = await TestIdentities.make();
  const sameOperator = { ...identities.claims(), fleet: others.claims().fleet };
  const misfits = [undefined, others, { claims: () => sameOperator, tls: identities.tls }];
  for (const wanted of misfits) {
    const left = await startOwner(folder, identities);
    await kill(left.child);
    const next = await startServer(t, { folder, ...(wanted === undefined ? {} : { identities: wanted }) });
    assert.equal(next.wasAdopted, false);
    await next.stop();
  }
  // And the other way about.
  await kill((await startOwner(folder)).child);
  assert.equal((await startServer(t, { folder, identities })).wasAdopted, false);
});

void test("a left server that is out of sight, as in another container, keeps others off its store", {
  skip,
}, async (t) => {
  const folder = await temporaryFolder(t);
  const owner = await startOwner(folder);
  await kill(owner.child);
  for (const name of ["server.json", "nats-server.pid"]) await rm(join(folder, name));
  const start = (): Promise<EmbeddedNatsServer> => startServer(t, { folder });
  await assert.rejects(start(), { code: "already-exists", message: /cannot be seen from here/u });
  process.kill(owner.pid, "SIGKILL");
  while ((await identify(owner.pid)) !== undefined) await systemClock.sleep(10);
  assert.equal((await start()).wasAdopted, false);
});

void test("a server that cannot start says why, and leaves nothing behind", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const taken = createServer();
  await new Promise<void>((resolve) => {
    taken.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => taken.close());
  const { port } = taken.address() as { readonly port: number };
  const starting = EmbeddedNatsServer.start({ binary: binary(), folder, port });
  await assert.rejects(starting, { code: "unavailable", message: /address already in use/u, hint: /--nats-listen/u });
  const old = { path: binary().path, version: "2.9.10" };
  await assert.rejects(EmbeddedNatsServer.start({ binary: old, folder }), { code: "precondition-failed" });
  const absent = { path: join(folder, "no-such-program"), version: "2.12.15" };
  await assert.rejects(EmbeddedNatsServer.start({ binary: absent, folder }), { code: "unavailable" });
  await (await startServer(t, { folder })).stop();
});

void test("a damaged stream is named at once, with what is lost without it", { skip, timeout: 30_000 }, async (t) => {
  const folder = join(await temporaryFolder(t), "nats");
  const first = await startServer(t, { folder });
  await openJetstreamStore(await openLink(t, first.address.url), { layout: FLEET_LAYOUT });
  await first.stop();
  const stream = join(await streamsFolder(folder), "KV_desired");
  await writeFile(join(stream, "meta.inf"), "");
  const startedMs = Date.now();
  await assert.rejects(startServer(t, { folder }), {
    code: "invalid-data",
    message:
      /^damaged in the store: KV_desired\. Setting it aside loses: KV_desired: the newest document of each device/u,
    hint: /mpo store set-aside/u,
  });
  assert.ok(Date.now() - startedMs < 10_000);
  const found = await checkStore({ binary: binary(), folder });
  assert.deepEqual(
    found.filter(({ isDamaged }) => isDamaged).map(({ name }) => name),
    ["KV_desired"],
  );
  const target = await setAsideStreams(folder, ["KV_desired"], "now");
  assert.deepEqual(await readdir(target), ["KV_desired"]);
  await openJetstreamStore(await openLink(t, (await startServer(t, { folder })).address.url), { layout: FLEET_LAYOUT });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
