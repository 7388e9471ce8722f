import assert from "node:assert/strict";
import { copyFile, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type ArchivePart, readArchive, writeArchive } from "@mpo/io";
import { EXIT_CODES } from "@mpo/runtime";
import { startServer } from "@mpo/transport/testing";
import { at, noNatsServer, startCoordinator, testFolder, userIn } from "../test-support/fleet-room.ts";
import { noSmallDisk, smallDisk } from "../test-support/small-disk.ts";
import { startTinyDevice } from "../test-support/tiny-device.ts";
import { type CommandOutcome, runCommand, startCommand } from "../testing/run-command.ts";
import { type RunningDaemon, startDaemon } from "../testing/start-daemon.ts";

const ROLLOUT = `name: least-memory
model: tiny
change:
  rule:
    objective: memory
waves:
  - where: label.canary = yes
    dwell: 1h
`;
const DEVICES = ["pi-1", "pi-2", "pi-3"];
const PORTS = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];

describe("mpo backup", { skip: noNatsServer, timeout: 300_000 }, () => {
  it("of a fleet at work: after a restore no device goes back, and a rollout waits for a person", async (t) => {
    const folder = await testFolder(t);
    const first = await startCoordinator(t, folder, ["--heartbeat", "1s"]);
    const coordinator = String(first.ready["grpc"]);
    const mpo = async (...args: readonly string[]): Promise<CommandOutcome> => {
      const outcome = await runCommand([...args, "--json", ...at(coordinator)]);
      assert.equal(outcome.code, EXIT_CODES.ok, `${args.join(" ")}: ${outcome.stderr}`);
      return outcome;
    };
    const labels = [{ name: "canary", value: "yes" }];
    const [canary, ...others] = await Promise.all(
      DEVICES.map((device) =>
        startTinyDevice(t, { ...{ device, coordinator, folder }, ...(device === "pi-1" ? { labels } : {}) }),
      ),
    );
    const devices = [canary, ...others].flatMap((device) => device ?? []);
    const applied = () => devices.map(({ agent }) => agent.snapshot().applied?.version ?? 0);
    await eventually(() => applied().every((version) => version > 0));
    await writeFile(join(folder, "rollout.yaml"), ROLLOUT);
    await mpo("rollout", "start", join(folder, "rollout.yaml"), "--yes");
    await eventually(() => applied()[0] === 2);

    // While people push without pause.
    let pushes = 0;
    let isOver = false;
    const push = async (device: string, mebibytes: number): Promise<void> => {
      await mpo("config", "push", device, "--model", "tiny", "--memory", `${mebibytes}MiB`, "--reason", "more");
      pushes += 1;
    };
    const pushing = (async () => {
      for (let size = 200; !isOver; size++) await push("pi-3", size);
    })();
    const data = join(folder, "coordinator");
    for (const name of ["a", "b", "c"]) await backup("create", join(folder, `${name}.tar`), "--data", data);
    isOver = true;
    await pushing;
    assert.ok(pushes > 0);
    const file = join(folder, "c.tar");
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    await backup("verify", file);

    // What the backup does not know.
    await push("pi-2", 150);
    await push("pi-3", 150);
    await push("pi-1", 150);
    const newest = (await Promise.all(DEVICES.map(async (device) => await shown(mpo, device)))) as readonly Shown[];
    await eventually(() => JSON.stringify(applied()) === JSON.stringify(newest.map(({ version }) => version)));
    const before = applied();
    await first.stop();

    assert.equal((await backupCode("restore", file, "--data", data)).code, EXIT_CODES.state, "a store is there");
    const restored = join(folder, "restored");
    await backup("restore", file, "--data", join(restored, "coordinator"));
    const again = ["coordinator", "--insecure", "--listen", coordinator, "--http", "127.0.0.1:0", "--heartbeat", "1s"];
    await startDaemon(t, [...again, "--data", join(restored, "coordinator")]);
    await eventually(() => applied().every((version, index) => version > (before[index] as number)));
    for (const [index, device] of DEVICES.entries()) {
      const now = await shown(mpo, device);
      const { budget, request: _, version: __, ...content } = now;
      const { budget: budgetBefore, request: ___, version: ____, ...contentBefore } = newest[index] as Shown;
      assert.deepEqual([budget, content], [budgetBefore, contentBefore], `${device} runs what it ran`);
    }
    const { records: events } = await mpo("events");
    assert.ok(
      DEVICES.every((device) =>
        events.some((event) => event["device"] === device && event["kind"] === "config-raised"),
      ),
    );
    await eventually(async () => (await rollout(mpo))["phase"] === "conflicted");
    assert.match(JSON.stringify(await rollout(mpo)), /newer documents than the store/u);
    await mpo("events", "verify");
  });

  it("refuses what is damaged, another fleet's or of a later release, and leaves nothing half", async (t) => {
    const folder = await testFolder(t);
    const environment = userIn(folder);
    const coordinator = async (data: string) =>
      await startDaemon(t, ["coordinator", ...PORTS, "--data", data], { environment });
    const [one, two] = [join(folder, "one"), join(folder, "two")];
    const running = await coordinator(one);
    const file = join(folder, "one.tar");
    const made = await backup("create", file, "--data", one);
    assert.equal(made.records.at(-1)?.["wasRunning"], true);
    await refuses(/ uses .* already/u, "restore", file, "--data", one, "--replace");
    await running.stop();
    const stopped = await backup("create", join(folder, "stopped.tar"), "--data", one);
    assert.equal(stopped.records.at(-1)?.["wasRunning"], false);
    await (await coordinator(two)).stop();
    await refuses(/of fleet-\w+, and .* of fleet-/u, "restore", file, "--data", two, "--replace");

    // With the keys that it holds, its devices and people come back.
    const three = join(folder, "three");
    await backup("restore", file, "--data", three);
    assert.deepEqual((await readdir(three)).sort(), ["authority", "nats"]);
    assert.deepEqual(
      JSON.parse(await readFile(join(three, "authority/authority.json"), "utf8")),
      JSON.parse(await readFile(join(one, "authority/authority.json"), "utf8")),
    );
    await (await coordinator(three)).stop();
    await refuses(/there is a store in .*--replace/su, "restore", file, "--data", three);
    const replaced = await backup("restore", file, "--data", three, "--replace");
    assert.deepEqual(await readdir(String(replaced.records.at(-1)?.["setAside"])), ["nats"]);
    await (await coordinator(three)).stop();

    const { size } = await stat(file);
    const parts = await partsOf(file);
    const bytes = await readFile(file);
    const bad = join(folder, "bad.tar");
    const refusal = async (why: string): Promise<void> => {
      const verified = await backupCode("verify", bad);
      assert.equal(verified.code, EXIT_CODES.data, `${why}: ${verified.stdout}${verified.stderr}`);
      assert.match(verified.stderr, /is not a whole backup/u, why);
      const empty = join(folder, "empty");
      assert.equal((await backupCode("restore", bad, "--data", empty)).code, EXIT_CODES.data, why);
      await assert.rejects(readdir(empty), { code: "ENOENT" }, why);
    };
    for (const length of [0, 1, 700, Math.floor(size / 2), size - 1536, size - 2048]) {
      await copyFile(file, bad);
      await truncate(bad, length);
      await refusal(`cut after ${length} of ${size} bytes`);
    }
    for (const [index, { name }] of parts.entries()) {
      await writeArchive(bad, of(parts.filter((_, at_) => at_ !== index)), { replaces: true });
      await refusal(`without ${name}`);
    }
    // In the content of each part; what pads it out means nothing.
    for (let offset = 512, index = 0; index < parts.length; index++) {
      const { name, bytes: content } = parts[index] as ArchivePart;
      const flipped = Buffer.from(bytes);
      const place = offset + Math.floor(content.length / 2);
      flipped[place] = (flipped[place] as number) ^ 0x20;
      await writeFile(bad, flipped);
      await refusal(`a flipped bit in ${name}`);
      offset += 512 + Math.ceil(content.length / 512) * 512;
    }
    for (const head of [{ format: 2 }, { release: "99.0.0" }]) {
      const later = parts.map(({ name, bytes: content }) =>
        name === "mpo-backup.json"
          ? { name, bytes: json({ ...(parse(content) as object), ...head }) }
          : { name, bytes: content },
      );
      await writeArchive(bad, of(later), { replaces: true });
      await refuses(/was made by release/u, "restore", bad, "--data", join(folder, "empty"));
    }
  });

  it("of one cluster is restored into another", async (t) => {
    const folder = await testFolder(t);
    const [one, two] = [await startServer(t), await startServer(t)].map(({ address }) => address.url);
    const nats = (url: string | undefined): readonly string[] => ["--nats", String(url), "--nats-replicas", "1"];
    const serve = async (url: string | undefined, data: string) =>
      await startDaemon(t, ["coordinator", "--insecure", ...PORTS, ...nats(url), "--unsafe-async", "--data", data]);
    const groups = async (running: RunningDaemon, ...args: readonly string[]) =>
      await runCommand(["groups", ...args, "--json", ...at(running.ready["grpc"])]);
    const running = await serve(one, join(folder, "one"));
    assert.equal((await groups(running, "save", "canary", "--where", "label.canary = yes")).code, EXIT_CODES.ok);
    const file = join(folder, "one.tar");
    const created = await backup("create", file, ...nats(one), "--data", join(folder, "one"));
    const saved = (await groups(running, "list")).records;
    await running.stop();
    await backup("verify", file);
    const there = await backupCode("restore", file, ...nats(one), "--data", join(folder, "one"));
    assert.equal(there.code, EXIT_CODES.state, "a store is there");
    await backup("restore", file, ...nats(two), "--data", join(folder, "two"));
    const restored = await serve(two, join(folder, "two"));
    assert.equal(saved.length, 1);
    assert.deepEqual((await groups(restored, "list")).records, saved);
    assert.ok(Number(created.records.at(-1)?.["bytes"]) > 0);
  });

  it("that does not fit its disk is not there", { skip: noSmallDisk }, async (t) => {
    const folder = await testFolder(t);
    const data = join(folder, "coordinator");
    await (await startCoordinator(t, folder)).stop();
    const file = join(folder, "one.tar");
    await backup("create", file, "--data", data);
    const disk = await smallDisk(t, 1);
    await writeFile(join(disk.outside, "fill"), Buffer.alloc(2 ** 20 - 8192));
    const create = disk.start(["backup", "create", join(disk.folder, "one.tar"), "--data", data]);
    assert.equal(await create.code, EXIT_CODES.unavailable, create.said());
    assert.match(create.said(), /disk is full/u);
    const restore = disk.start(["backup", "restore", file, "--data", join(disk.folder, "c")]);
    assert.equal(await restore.code, EXIT_CODES.unavailable, restore.said());
    const left = await readdir(disk.outside, { recursive: true });
    assert.deepEqual(left.sort(), ["c", "fill"]);
  });
});

type Mpo = (...args: readonly string[]) => Promise<CommandOutcome>;
interface Shown {
  readonly version: number;
  readonly budget: unknown;
  readonly request: unknown;
}

async function backupCode(...args: readonly string[]): Promise<CommandOutcome> {
  return await startCommand(["backup", ...args, "--json"]).outcome;
}

async function backup(...args: readonly string[]): Promise<CommandOutcome> {
  const outcome = await backupCode(...args);
  assert.equal(outcome.code, EXIT_CODES.ok, `${args.join(" ")}: ${outcome.stderr}`);
  return outcome;
}

async function refuses(says: RegExp, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await backupCode(...args);
  assert.match(stderr, says);
  assert.equal(code, EXIT_CODES.state, stderr);
}

/** A device's newest configuration, but for when it was made and what else is measured anew. */
async function shown(mpo: Mpo, device: string): Promise<Shown> {
  const [record = {}] = (await mpo("config", "show", device)).records;
  const { budget, request, objective, rungs, manifestDigest } = record;
  const { version } = record["version"] as { readonly version: number };
  return { ...{ version, budget, request }, ...{ objective, rungs, manifestDigest } };
}

async function rollout(mpo: Mpo): Promise<Readonly<Record<string, unknown>>> {
  return (await mpo("rollout", "status", "least-memory")).records[0] ?? {};
}

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 60_000;
  while (!(await holds())) {
    assert.ok(Date.now() < endMs, `within a minute: ${holds.toString()}`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

async function partsOf(path: string): Promise<readonly ArchivePart[]> {
  const found: ArchivePart[] = [];
  for await (const part of readArchive(path, { maxPartBytes: 2 ** 24 })) found.push(part);
  return found;
}

async function* of(parts: readonly ArchivePart[]): AsyncGenerator<ArchivePart> {
  await Promise.resolve();
  yield* parts;
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString()) as unknown;
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
