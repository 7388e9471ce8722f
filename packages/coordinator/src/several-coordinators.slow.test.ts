import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { fingerprintOf, readJoinString } from "@mpo/identity";
import { createLogger, type Logger } from "@mpo/runtime";
import { findNatsServer, NatsLink } from "@mpo/transport";
import { freePorts } from "@mpo/transport/testing";
import { NATS_FILES, type PreparedNats, prepareNats } from "./prepare-nats.ts";
import type { ExternalNats, RunOptions } from "./run-options.ts";
import {
  device,
  eventually,
  helloOf,
  identityOf,
  open,
  type Room,
  SEARCH,
  skip,
} from "./test-support/coordinator-room.ts";

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-several-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A server as others run it, with what the set-up gave them. */
async function startNats(t: TestContext, { config, serverPem }: PreparedNats): Promise<ExternalNats> {
  const folder = await temporary(t);
  const [port, monitor] = (await freePorts(2)) as [number, number];
  await writeFile(join(folder, NATS_FILES.pairFile), serverPem, { mode: 0o600 });
  await writeFile(
    join(folder, "nats.conf"),
    `listen: "127.0.0.1:${port}"
http: "127.0.0.1:${monitor}"
jetstream { store_dir: js, sync_interval: always }
${config}`,
  );
  const { path } = await findNatsServer({ ...SEARCH, named: SEARCH.binary });
  const child = spawn(path, ["--config", "nats.conf", "--log", "nats.log"], { cwd: folder, stdio: "ignore" });
  t.after(async () => {
    const ended = once(child, "exit");
    if (child.exitCode === null && child.kill("SIGKILL")) await ended;
  });
  const monitorUrls = [`http://127.0.0.1:${monitor}`];
  await eventually(() =>
    fetch(`${monitorUrls[0]}/healthz`).then(
      ({ ok }) => ok || undefined,
      () => undefined,
    ),
  );
  return { kind: "external", servers: [`tls://127.0.0.1:${port}`], replicas: 1, monitorUrls };
}

interface Shared {
  readonly nats: ExternalNats;
  readonly authority: string;
  readonly prepared: PreparedNats;
  start(name: string, keys: RunOptions["keys"], more?: Partial<RunOptions>): Promise<Room>;
}

async function cluster(t: TestContext): Promise<Shared> {
  const base = await temporary(t);
  const authority = join(base, "authority");
  const prepared = await prepareNats(authority);
  const nats = await startNats(t, prepared);
  return {
    ...{ nats, authority, prepared },
    start: async (name, keys, more = {}) => {
      const folder = join(base, name);
      await mkdir(folder, { mode: 0o700 });
      return await open(t, folder, { name }, { nats, ...(keys && { keys }), ...more });
    },
  };
}

/** What both wires do for a device that has joined at one and asks the other. */
async function servesBoth(t: TestContext, one: Room, other: Room): Promise<void> {
  const cam = await device(t, one, "cam");
  const { state, credentials } = await cam.join(readJoinString(one.local.joinString).secret);
  assert.equal(state, "accepted");
  assert.ok(credentials);
  const client = cam.client(credentials, other);
  const hello = await eventually(() => client.hello(helloOf("cam")).catch(() => undefined));
  const link = await NatsLink.open(cam.nats(hello.natsServers, credentials));
  t.after(() => link.close());
  await one.admin.decideEnrolment({ identity: identityOf("cam"), decision: "revoked", reason: "stolen" });
  await eventually(async () => {
    const code = await client.hello(helloOf("cam")).then(
      () => undefined,
      (thrown: { code: string }) => thrown.code,
    );
    return code === "permission-denied" || undefined;
  });
  await assert.rejects(NatsLink.open(cam.nats(hello.natsServers, credentials)), { code: "unauthenticated" });
}

/** What one rotates, the other has soon. */
async function follows(one: Room, other: Room): Promise<void> {
  const { epoch } = await one.admin.rotateKeys({ reason: "stolen" });
  const { certificate } = await one.admin.rotateAuthority({ isDistrusting: false, reason: "" });
  const found = await eventually(async () => {
    const view = await other.admin.getAuthority({});
    return view.certificates[0]?.digest === certificate.digest && view.epoch === epoch ? view : undefined;
  });
  assert.equal(found.certificates.length, 2);
  // What it has taken over is where it begins when it changes something itself.
  const again = await other.admin.rotateKeys({ reason: "" });
  assert.equal(again.epoch, epoch + 1);
  await eventually(async () => (await one.admin.getAuthority({})).epoch === epoch + 1 || undefined);
}

async function wrappingKey(t: TestContext, bytes = 32, mode = 0o600): Promise<string> {
  const file = join(await temporary(t), "wrapping.key");
  await writeFile(file, Buffer.alloc(bytes, 7), { mode });
  return file;
}

const refused = (start: Promise<Room>, error: { code: string; message: RegExp }): Promise<void> =>
  assert.rejects(start, error);

void describe("several coordinators of one fleet", { skip, timeout: 180_000 }, () => {
  void it("share a mounted folder", async (t) => {
    const { start, authority } = await cluster(t);
    const [one, other] = [await start("one", { folder: authority }), await start("other", { folder: authority })];
    await follows(one, other);
    await servesBoth(t, one, other);
  });

  void it("share the store, where a key from a file wraps what they share", async (t) => {
    const { start, authority, nats, prepared } = await cluster(t);
    const wrappingKeyFile = await wrappingKey(t);
    const credentials = { kind: "creds", read: () => prepared.coordinatorCreds } as const;
    const with_ = (folder: string) => ({ folder: join(authority, "..", folder), wrappingKeyFile });
    const more = { nats: { ...nats, credentials } };
    await refused(start("too-early", with_("none"), more), {
      code: "precondition-failed",
      message: /holds no authority yet/u,
    });
    const one = await start("one", with_("authority"));
    const other = await start("other", with_("fetched"), more);
    await follows(one, other);
    await servesBoth(t, one, other);
    await other.stop();
    // It needs no credentials any more, and begins with what was rotated.
    const epoch = (await one.admin.rotateKeys({ reason: "" })).epoch;
    const again = await start("again", with_("fetched"));
    assert.equal((await again.admin.getAuthority({})).epoch, epoch);
    const foreign = join(authority, "..", "foreign.key");
    await writeFile(foreign, Buffer.alloc(32, 8), { mode: 0o600 });
    const wrong = { ...with_("authority"), wrappingKeyFile: foreign };
    await refused(start("wrong", wrong), { code: "precondition-failed", message: /wrapped with another key/u });
  });

  void it("are not joined by one with another authority", async (t) => {
    const { start, authority, nats } = await cluster(t);
    await start("one", { folder: authority });
    const foreign = join(authority, "..", "foreign");
    await prepareNats(foreign);
    await refused(start("stranger", { folder: foreign }), { code: "precondition-failed", message: /another fleet/u });
    const none = { folder: join(authority, "..", "none") };
    await refused(start("empty", none), {
      code: "precondition-failed",
      message: /no authority that the NATS cluster/u,
    });
    assert.equal(nats.kind, "external");
  });

  void it("want a wrapping key that is whole, and that only their user can read", async (t) => {
    const { start, authority } = await cluster(t);
    const keys = async (bytes: number, mode: number) => ({
      ...{ folder: authority, wrappingKeyFile: await wrappingKey(t, bytes, mode) },
    });
    await refused(start("short", await keys(31, 0o600)), { code: "invalid-data", message: /31 bytes/u });
    await refused(start("open", await keys(32, 0o644)), { code: "precondition-failed", message: /open to others/u });
    const missing = { folder: authority, wrappingKeyFile: join(authority, "none") };
    await refused(start("missing", missing), { code: "not-found", message: /none/u });
  });

  void it("keep their keys when what lies in the folder is of no use, and report it", async (t) => {
    const { start, authority } = await cluster(t);
    const lines: string[] = [];
    const logger: Logger = createLogger({ write: (line) => lines.push(line) });
    const one = await start("one", { folder: authority }, { logger });
    const before = await one.admin.getAuthority({});
    await chmod(join(authority, "authority.json"), 0o644);
    await eventually(() => lines.some((line) => line.includes("open to others")) || undefined);
    await chmod(join(authority, "authority.json"), 0o600);
    await writeFile(join(authority, "authority.json"), "{");
    await eventually(() => lines.some((line) => line.includes("not valid JSON")) || undefined);
    assert.deepEqual(await one.admin.getAuthority({}), before);
  });
});

void it("many who begin at once on one folder make one authority", { timeout: 60_000 }, async (t) => {
  const folder = join(await temporary(t), "authority");
  const made = await Promise.all(Array.from({ length: 8 }, () => prepareNats(folder)));
  assert.equal(new Set(made.map(({ fleet }) => fleet)).size, 1);
  assert.equal(made.filter(({ isNew }) => isNew).length, 1);
  const [first] = made;
  assert.ok(first && fingerprintOf(first.serverPem).length === 64);
});
