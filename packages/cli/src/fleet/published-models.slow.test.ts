import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { findServable } from "@mpo/agent";
import { graphDigest, type Model, writeLayersModel } from "@mpo/engine";
import { EXIT_CODES } from "@mpo/runtime";
import { at, noNatsServer, startCoordinator, testFolder } from "../test-support/fleet-room.ts";
import { startTinyDevice } from "../test-support/tiny-device.ts";
import { TINY_MODEL, tinyModel } from "../test-support/tiny-model.ts";
import { type CommandOutcome, runCommand, startCommand } from "../testing/run-command.ts";

const CARD = { inputShape: [12, 12, 1], input: { range: "unit" } };

/** A folder with a model and its card. */
async function modelIn(folder: string, model: Model): Promise<string> {
  await writeLayersModel(model, folder);
  await writeFile(join(folder, "model-card.json"), JSON.stringify(CARD));
  return folder;
}

/** The same structure with other weights. */
function withWeights(model: Model, value: number): Model {
  const weights = new Map([...model.weights].map(([name, all]) => [name, all.map(() => value)] as const));
  return { ...model, weights };
}

async function room(t: TestContext, more: readonly string[] = []) {
  const folder = await testFolder(t);
  const { ready } = await startCoordinator(t, folder, more);
  const coordinator = String(ready["grpc"]);
  const mpo = (...args: readonly string[]): Promise<CommandOutcome> => runCommand([...args, ...at(coordinator)]);
  const json = (...args: readonly string[]): Promise<CommandOutcome> => mpo(...args, "--json");
  /** Asks until it is so. */
  const until = async (args: readonly string[], isSo: (found: never) => boolean): Promise<Record<string, unknown>> => {
    for (;;) {
      const { records } = await json(...args);
      if (records[0] !== undefined && isSo(records[0] as never)) return records[0];
      await new Promise((wake) => setTimeout(wake, 50));
    }
  };
  return { folder, coordinator, mpo, json, until };
}

type Shown = { readonly models: readonly { readonly artifact?: { readonly version: number } }[] };
type Config = {
  readonly rungs: readonly unknown[];
  readonly artifact?: { readonly version: number };
  readonly status?: { readonly state: string } | null;
};
const serves = (version: number | undefined) => (found: Shown) => found.models[0]?.artifact?.version === version;

describe("published models", { skip: noNatsServer, timeout: 180_000 }, () => {
  it("reach a device that fetches, checks and serves them, and go back", async (t) => {
    const { folder, coordinator, mpo, json, until } = await room(t);
    const device = await startTinyDevice(t, { device: "pi-1", coordinator, folder });
    await writeFile(join(device.modelFolder, "model-card.json"), JSON.stringify(CARD));
    await until(["config", "show", "pi-1"], ({ rungs }: Config) => rungs.length > 0);

    const third = await modelIn(join(folder, "third"), withWeights(TINY_MODEL, 0.25));
    const publish = (from: string, version: number): Promise<CommandOutcome> =>
      json("models", "publish", from, "--name", "tiny", "--version", String(version));
    const [published] = (await publish(third, 3)).records;
    assert.equal(published?.["isDuplicate"], false);
    assert.equal(published?.["version"], 3);
    const [again] = (await publish(third, 3)).records;
    assert.equal(again?.["isDuplicate"], true);
    assert.equal(again?.["uploadedChunks"], 0);
    const other = await publish(await modelIn(join(folder, "other"), withWeights(TINY_MODEL, 0.5)), 3);
    assert.equal(other.code, EXIT_CODES.state);
    assert.match(other.stderr, /tiny@3 is another model already/u);
    const none = await publish(folder, 4);
    assert.notEqual(none.code, EXIT_CODES.ok);

    // Only the weights are new: the profile holds, and so there is a ladder at once.
    const pushed = await json("config", "push", "pi-1", "--model", "tiny", "--model-version", "3");
    assert.equal(pushed.code, EXIT_CODES.ok, pushed.stderr);
    await until(["devices", "show", "pi-1"], serves(3));
    const config = await until(["config", "show", "pi-1"], ({ status }: Config) => status?.state === "applied");
    assert.ok((config as unknown as Config).rungs.length > 0);
    const retrained = join(folder, "pi-1/serving/tiny/retrained");
    const weightsIn = async (at: string): Promise<Buffer> => {
      const [name = ""] = (await readdir(at)).filter((file) => file.endsWith(".bin"));
      return await readFile(join(at, name));
    };
    const servedNow = async (): Promise<Buffer> => weightsIn((await findServable(retrained))?.folder ?? "");
    assert.deepEqual(await servedNow(), await weightsIn(third));
    assert.match((await mpo("devices", "show", "pi-1")).stdout, /tiny@3/u);
    assert.match((await mpo("models", "published")).stdout, /tiny@3 .*1 serve it/u);
    const inUse = await mpo("models", "remove", "tiny@3");
    assert.match(inUse.stderr, /tiny@3 is in use: pi-1/u);

    // Another structure: nobody knows what it takes on the device, which serves and measures it first.
    const wide = tinyModel(5);
    const fourth = await modelIn(join(folder, "fourth"), wide);
    assert.equal((await publish(fourth, 4)).code, EXIT_CODES.ok);
    const [first] = (await json("config", "push", "pi-1", "--model", "tiny", "--model-version", "4")).records;
    assert.deepEqual((first?.["document"] as Config | undefined)?.rungs, []);
    await until(["devices", "show", "pi-1"], serves(4));
    const measured = await until(
      ["config", "show", "pi-1"],
      ({ rungs, artifact }: Config) => rungs.length > 0 && artifact?.version === 4,
    );
    assert.match(JSON.stringify(measured["reasons"]), /measured by report/u);
    const [profile] = (await json("profiles", "show", "pi-1", "tiny")).records;
    assert.equal((profile?.["model"] as { graphDigest: string } | undefined)?.graphDigest, graphDigest(wide.graph));

    // Back: what it served before is still there, whether or not anybody publishes it.
    assert.equal((await mpo("models", "remove", "tiny@3")).code, EXIT_CODES.ok);
    const documents = (await json("config", "rollback", "pi-1", "--to", versionIn(pushed))).code;
    assert.equal(documents, EXIT_CODES.ok);
    await until(["devices", "show", "pi-1"], serves(3));
    assert.deepEqual(await servedNow(), await weightsIn(third));
  });

  it("are uploaded and fetched from where it was broken off, from a folder too", async (t) => {
    const bytes = join(await testFolder(t), "bytes");
    const { folder, coordinator, json, until } = await room(t, ["--models", bytes, "--heartbeat", "1s"]);
    const device = await startTinyDevice(t, { device: "pi-1", coordinator, folder });
    await writeFile(join(device.modelFolder, "model-card.json"), JSON.stringify(CARD));
    await until(["config", "show", "pi-1"], ({ rungs }: Config) => rungs.length > 0);
    const large = await modelIn(join(folder, "large"), withWeights(TINY_MODEL, 0.75));
    await writeFile(join(large, "notes.bin"), Buffer.from(Array.from({ length: 1_000_000 }, (_, at) => at).join()));
    const args = ["models", "publish", large, "--name", "tiny", "--version", "1"];
    const chunksThere = async (): Promise<readonly string[]> =>
      (await readdir(bytes, { recursive: true }).catch(() => [])).filter((name) => /[0-9a-f]{64}$/u.test(name));
    const first = startCommand([...args, "--json", ...at(coordinator)]);
    while ((await chunksThere()).length < 3) await new Promise((wake) => setTimeout(wake, 1));
    first.signal("SIGINT");
    assert.equal((await first.outcome).code, EXIT_CODES.cancelled);
    const there = (await chunksThere()).length;
    const [published] = (await json(...args)).records;
    const all = (await chunksThere()).length;
    assert.equal(published?.["uploadedChunks"], all - there);
    // A chunk that rots on the disk: the device asks again until somebody publishes the same once more.
    const [rotten = ""] = await chunksThere();
    await writeFile(join(bytes, rotten), "rotten");
    assert.equal((await json("config", "push", "pi-1", "--model", "tiny", "--model-version", "1")).code, EXIT_CODES.ok);
    const needs = (found: { readonly conditions: readonly { readonly code: string }[] }): boolean =>
      found.conditions.some(({ code }) => code === "model-pending");
    await until(["devices", "show", "pi-1"], needs);
    await device.stop();
    assert.equal((await json(...args)).records[0]?.["uploadedChunks"], 1);
    await startTinyDevice(t, { device: "pi-1", coordinator, folder });
    await until(["devices", "show", "pi-1"], serves(1));
    const found = await findServable(join(folder, "pi-1/serving/tiny/retrained"));
    const name = "notes.bin";
    assert.ok((await readFile(join(found?.folder ?? "", name))).equals(await readFile(join(large, name))));
  });
});

function versionIn({ records }: CommandOutcome): string {
  const document = records[0]?.["document"] as { version: { epoch: number; version: number } } | undefined;
  return `${document?.version.epoch}.${document?.version.version}`;
}
