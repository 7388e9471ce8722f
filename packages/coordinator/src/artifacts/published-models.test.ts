import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type ArtifactManifest, artifactDigest, artifactManifestCodec, chainCodec, LIMITS } from "@mpo/protocol";
import type { MemoryStateServer } from "@mpo/transport/testing";
import type { Coordinator } from "../coordinator.ts";
import { AnsweringFleet } from "../testing/answering-fleet.ts";
import { tinyChain } from "../testing/tiny-chain.ts";
import {
  CALL,
  documentReport,
  eventually,
  freshServer,
  helloOf,
  identityOf,
  reportOf,
  startCoordinator,
} from "../testing/tiny-fleet.ts";
import { chunkDigest, chunksInFolder } from "./chunk-store.ts";

/** What the tiny profiles are of. */
const GRAPH = "ab".repeat(32);
const CHAIN = tinyChain();
const CHUNK = LIMITS.chunkBytes;

function manifestOf(version: number, content: Buffer, changes: Partial<ArtifactManifest> = {}): ArtifactManifest {
  const digest = createHash("sha256").update(content).digest("hex");
  return {
    ...{ name: "tiny", version, manifestDigest: digest, graphDigest: GRAPH },
    files: [{ name: "model.json", bytes: content.length, digest, chunks: chunksOf(content).map(chunkDigest) }],
    chainDigest: createHash("sha256").update(chainCodec.toBytes(CHAIN)).digest("hex"),
    summary: { takes: "4x4x1", classes: 2, parameters: 9, madeBy: "" },
    ...changes,
  };
}

function chunksOf(content: Buffer): readonly Buffer[] {
  const count = Math.ceil(content.length / CHUNK);
  return Array.from({ length: count }, (_, at) => content.subarray(at * CHUNK, (at + 1) * CHUNK));
}

const digestOf = (manifest: ArtifactManifest): string => artifactDigest(artifactManifestCodec.toBytes(manifest));

async function started(context: TestContext, server: MemoryStateServer = freshServer()): Promise<Coordinator> {
  const coordinator = await startCoordinator(server);
  context.after(() => coordinator.stop());
  return coordinator;
}

async function publish(
  { artifacts }: Coordinator,
  version: number,
  content: Buffer,
  changes: Partial<ArtifactManifest> = {},
): Promise<ArtifactManifest> {
  for (const chunk of chunksOf(content)) await artifacts.putChunk({ tenant: "acme", chunk }, CALL);
  const manifest = manifestOf(version, content, changes);
  await artifacts.publishModel({ tenant: "acme", manifest, chain: CHAIN }, CALL);
  return manifest;
}

/** A device with a profile and a document. */
async function known(coordinator: Coordinator, device: string): Promise<void> {
  await coordinator.fleet.hello(helloOf(device), CALL);
  await coordinator.fleet.reportProfile(reportOf(device, "r1"), CALL);
  await eventually(() => newest(coordinator, device));
}

async function newest({ admin }: Coordinator, device: string) {
  return (await admin.getConfig({ identity: identityOf(device) }, CALL).catch(() => undefined))?.document;
}

async function push({ admin }: Coordinator, device: string, modelVersion: number) {
  const request = { identity: identityOf(device), model: "tiny", modelVersion, reason: "" };
  return (await admin.pushConfig(request, CALL)).document;
}

const LONG = Buffer.concat([Buffer.alloc(CHUNK, 1), Buffer.alloc(CHUNK, 2), Buffer.alloc(7, 3)]);

describe("published models", () => {
  it("stand for one content for good, and for nothing until all of it is stored", async (context) => {
    const { artifacts } = await started(context);
    const manifest = manifestOf(3, LONG);
    const request = { tenant: "acme", manifest, chain: CHAIN };
    await artifacts.putChunk({ tenant: "acme", chunk: LONG.subarray(0, CHUNK) }, CALL);
    await assert.rejects(artifacts.publishModel(request, CALL), {
      code: "precondition-failed",
      message: /2 of 3 chunks of tiny@3/u,
    });
    const asked = { tenant: "acme", chunks: manifest.files[0]?.chunks ?? [] };
    const { missing } = await artifacts.findMissingChunks(asked, CALL);
    assert.deepEqual(missing, asked.chunks.slice(1));
    for (const chunk of chunksOf(LONG).slice(1)) await artifacts.putChunk({ tenant: "acme", chunk }, CALL);
    const other = { ...manifest, chainDigest: GRAPH };
    await assert.rejects(artifacts.publishModel({ ...request, manifest: other }, CALL), { code: "invalid-argument" });
    assert.equal((await artifacts.publishModel(request, CALL)).isDuplicate, false);
    assert.equal((await artifacts.publishModel(request, CALL)).isDuplicate, true);
    const changed = { ...manifest, summary: { ...manifest.summary, classes: 3 } };
    await assert.rejects(artifacts.publishModel({ ...request, manifest: changed }, CALL), {
      code: "already-exists",
      message: /tiny@3 is another model already/u,
    });
    const { models } = artifacts.listPublishedModels({ tenant: "acme", pageSize: 10 });
    assert.deepEqual(
      models.map(({ name, version, digest, bytes }) => ({ name, version, digest, bytes })),
      [{ name: "tiny", version: 3, digest: digestOf(manifest), bytes: LONG.length }],
    );
  });

  it("are fetched from any coordinator, by devices of their tenant alone", async (context) => {
    const server = freshServer();
    const [one, two] = [await started(context, server), await started(context, server)];
    const manifest = await publish(one, 3, LONG);
    await publish(one, 4, Buffer.from("another model"));
    const digest = digestOf(manifest);
    const identity = identityOf("pi-1");
    await eventually(() => two.artifacts.getArtifact({ identity, digest }, CALL).catch(() => undefined));
    const { manifest: bytes } = await two.artifacts.getArtifact({ identity, digest }, CALL);
    assert.equal(artifactDigest(bytes), digest);
    const parts: Uint8Array[] = [];
    for (const chunk of manifest.files[0]?.chunks ?? []) {
      for (let offset = 0, part = Buffer.alloc(0); ; offset += part.length) {
        const request = { identity, artifact: digest, chunk, offset, length: 100_000 };
        const answer = await two.artifacts.getArtifactChunk(request, CALL).catch(() => undefined);
        if (answer === undefined) break;
        part = Buffer.from(answer.part);
        parts.push(part);
      }
    }
    assert.ok(Buffer.concat(parts).equals(LONG));
    const foreign = { tenant: "other", device: "pi-1" };
    await assert.rejects(two.artifacts.getArtifact({ identity: foreign, digest }, CALL), { code: "not-found" });
    const named = { ...CALL, deviceId: "acme.pi-2" };
    await assert.rejects(two.artifacts.getArtifact({ identity, digest }, named), { code: "unauthenticated" });
    const chunk = chunkDigest(Buffer.from("another model"));
    const stray = { identity, artifact: digest, chunk, offset: 0, length: 10 };
    await assert.rejects(two.artifacts.getArtifactChunk(stray, CALL), { code: "not-found" });
  });

  it("of one version that two people publish at once are one of the two", async (context) => {
    const server = freshServer();
    const both = [await started(context, server), await started(context, server)];
    const results = await Promise.allSettled(
      both.map((coordinator, at) => publish(coordinator, 3, Buffer.from(`content ${at}`))),
    );
    assert.deepEqual(results.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  });

  it("reach a device with a ladder where its profile holds, and without one where it does not", async (context) => {
    const coordinator = await started(context);
    await known(coordinator, "pi-1");
    const third = await publish(coordinator, 3, Buffer.from("3"));
    const fourth = await publish(coordinator, 4, Buffer.from("4"), { graphDigest: "ef".repeat(32) });
    const document = await push(coordinator, "pi-1", 3);
    assert.deepEqual(document.artifact, { version: 3, digest: digestOf(third) });
    assert.equal(document.manifestDigest, third.manifestDigest);
    assert.ok(document.rungs.length > 0);
    await assert.rejects(push(coordinator, "pi-1", 5), {
      code: "not-found",
      message: /no model tiny@5.*tiny@4, tiny@3/u,
    });
    const unmeasured = await push(coordinator, "pi-1", 4);
    assert.deepEqual(unmeasured.rungs, []);
    assert.equal(unmeasured.manifestDigest, fourth.manifestDigest);
    assert.equal(unmeasured.reasons[0]?.code, "unmeasured");
    // Measured on the model before: it says nothing of this one.
    await coordinator.fleet.reportProfile(reportOf("pi-1", "r2"), CALL);
    await new Promise((wake) => setTimeout(wake, 100));
    assert.deepEqual((await newest(coordinator, "pi-1"))?.version, unmeasured.version);
    const { models } = coordinator.artifacts.listPublishedModels({ tenant: "acme", pageSize: 10 });
    assert.deepEqual(
      models.map(({ version, serving, expected }) => [version, serving, expected]),
      [
        [4, 0, 1],
        [3, 0, 0],
      ],
    );
  });

  it("that a device has given up are not given to it again by a search", async (context) => {
    const coordinator = await started(context);
    await known(coordinator, "pi-1");
    await publish(coordinator, 3, Buffer.from("3"));
    const { version } = await push(coordinator, "pi-1", 3);
    await coordinator.fleet.reportProfile(reportOf("pi-1", "r2"), CALL);
    const kept = await eventually(async () => {
      const found = await newest(coordinator, "pi-1");
      return found?.request === "report r2" ? found : undefined;
    });
    assert.equal(kept.artifact?.version, 3);
    assert.equal(kept.version.version, version.version + 1);
    await coordinator.fleet.reportStatus(documentReport("pi-1", 1, kept.version.version, "failed"), CALL);
    await coordinator.fleet.reportProfile(reportOf("pi-1", "r3"), CALL);
    const after = await eventually(async () => {
      const found = await newest(coordinator, "pi-1");
      return found?.request === "report r3" ? found : undefined;
    });
    assert.equal(after.artifact, undefined);
  });

  it("go out by rollouts, measured before or not", async (context) => {
    const coordinator = await started(context);
    const fleet = new AnsweringFleet({ coordinator: () => coordinator });
    const devices = ["pi-1", "pi-2", "pi-3"];
    await fleet.join(devices);
    await publish(coordinator, 3, Buffer.from("3"));
    await publish(coordinator, 4, Buffer.from("4"), { graphDigest: "ef".repeat(32) });
    const { rolloutApi } = coordinator;
    const roll = async (version: number) => {
      const name = `to-${version}`;
      const spec = JSON.stringify({ name, model: "tiny", change: { version }, waves: [{ count: 1 }] });
      const { rollout } = await rolloutApi.planRollout({ tenant: "acme", spec, reason: "" }, CALL);
      await rolloutApi.changeRollout({ tenant: "acme", name, command: "start", reason: "" }, CALL);
      const phase = await fleet.until(async () => {
        const found = (await rolloutApi.getRollout({ tenant: "acme", name }, CALL)).rollout.phase;
        return ["completed", "rolled-back", "halted"].includes(found) ? found : undefined;
      });
      assert.equal(phase, "completed");
      const documents = await Promise.all(devices.map((device) => newest(coordinator, device)));
      return { rollout, documents };
    };
    await assert.rejects(roll(5), { code: "invalid-argument", message: /change\.version: no model tiny@5/u });
    const third = await roll(3);
    assert.ok(third.documents.every((one) => one?.artifact?.version === 3 && one.rungs.length > 0));
    const fourth = await roll(4);
    assert.deepEqual(
      fourth.rollout.distribution.map(({ config, devices: count }) => [config, count]),
      [["measured on the device first", 3]],
    );
    assert.ok(fourth.documents.every((one) => one?.artifact?.version === 4 && one.rungs.length === 0));
  });

  it("are kept while a rollout is to give them; without them it does not begin", async (context) => {
    const coordinator = await started(context);
    const { artifacts, rolloutApi } = coordinator;
    await new AnsweringFleet({ coordinator: () => coordinator }).join(["pi-1"]);
    await publish(coordinator, 3, Buffer.from("3"));
    const spec = JSON.stringify({ name: "to-3", model: "tiny", change: { version: 3 } });
    await rolloutApi.planRollout({ tenant: "acme", spec, reason: "" }, CALL);
    const request = { tenant: "acme", name: "tiny", version: 3, isForced: false };
    await assert.rejects(artifacts.removePublishedModel(request, CALL), { message: "tiny@3 is in use: rollout to-3" });
    await artifacts.removePublishedModel({ ...request, isForced: true }, CALL);
    const start = rolloutApi.changeRollout({ tenant: "acme", name: "to-3", command: "start", reason: "" }, CALL);
    await assert.rejects(start, { code: "not-found", message: /^no model tiny@3 is published/u });
  });

  it("are not removed while devices serve them, and leave what others need", async (context) => {
    const coordinator = await started(context);
    const { artifacts, fleet } = coordinator;
    const third = await publish(coordinator, 3, LONG);
    const fourth = await publish(coordinator, 4, Buffer.concat([LONG.subarray(0, CHUNK), Buffer.alloc(9, 9)]));
    const artifact = { version: 3, digest: digestOf(third) };
    const models = [{ name: "tiny", manifestDigest: third.manifestDigest, artifact }];
    await fleet.hello(helloOf("pi-1", { models }), CALL);
    const request = { tenant: "acme", name: "tiny", version: 3, isForced: false };
    await assert.rejects(artifacts.removePublishedModel(request, CALL), {
      code: "precondition-failed",
      message: /tiny@3 is in use: pi-1/u,
    });
    const { devices } = coordinator.admin.listDevices({ tenant: "acme", pageSize: 10, where: "models has tiny@3" });
    assert.deepEqual(
      devices.map(({ identity }) => identity.device),
      ["pi-1"],
    );
    const { freedBytes } = await artifacts.removePublishedModel({ ...request, isForced: true }, CALL);
    assert.equal(freedBytes, CHUNK + 7);
    const chunks = [...(third.files[0]?.chunks ?? []), ...(fourth.files[0]?.chunks ?? [])];
    const { missing } = await artifacts.findMissingChunks({ tenant: "acme", chunks }, CALL);
    assert.deepEqual(missing, third.files[0]?.chunks.slice(1));
    // Its number is free again, and the same files come back under it.
    await publish(coordinator, 3, LONG);
  });

  it("may lie in a folder, where a damaged chunk counts as missing until it is uploaded again", async (context) => {
    const folder = await mkdtemp(join(tmpdir(), "mpo-chunks-"));
    context.after(() => rm(folder, { recursive: true, force: true }));
    const chunks = chunksInFolder(folder);
    const chunk = Buffer.from("a chunk");
    const digest = chunkDigest(chunk);
    assert.equal(await chunks.read(digest, CALL), undefined);
    await chunks.write(digest, chunk, CALL);
    assert.deepEqual(await chunks.read(digest, CALL), chunk);
    await writeFile(join(folder, digest.slice(0, 2), digest), "another");
    assert.equal(await chunks.read(digest, CALL), undefined);
    await chunks.write(digest, chunk, CALL);
    assert.deepEqual(await chunks.read(digest, CALL), chunk);
    const listed = [];
    for await (const one of chunks.list(CALL)) listed.push([one.digest, one.bytes]);
    assert.deepEqual(listed, [[digest, chunk.length]]);
    await chunks.remove(digest, CALL);
    assert.equal(await chunks.read(digest, CALL), undefined);
  });
});
