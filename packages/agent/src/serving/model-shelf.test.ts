import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import { type ArtifactVersion, LIMITS } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import fc from "fast-check";
import type { ModelShelf } from "../ports/model-shelf.ts";
import type { ServingApp } from "../ports/serving-app.ts";
import { type PublishedForTest, publishedOf } from "../test-support/published.ts";
import { folderDigest } from "./model-digest.ts";
import { modelShelf } from "./model-shelf.ts";
import { findServable } from "./retrained-manifest.ts";
import { servingFolder } from "./serving-folder.ts";

const CARD = Buffer.from(JSON.stringify({ inputShape: [4, 4, 1] }));

interface Room {
  readonly root: string;
  readonly shelf: ModelShelf;
  readonly serving: ServingApp;
  readonly retrained: string;
}

async function room(t: Pick<TestContext, "after">, freeBytes = 1e12): Promise<Room> {
  const root = await mkdtemp(join(tmpdir(), "mpo-agent-shelf-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  const source = join(root, "cam/model");
  await mkdir(source, { recursive: true });
  await writeFile(join(source, "model.json"), '{"weights":"deployed"}');
  await writeFile(join(source, "model-card.json"), CARD);
  const clock = new VirtualClock(2e12);
  let draws = 0;
  const random = (): number => (++draws % 1000) / 1000;
  return {
    root,
    shelf: modelShelf({ root, clock, random, freeBytes: async () => freeBytes }),
    serving: servingFolder({ root, clock, random, logger: silentLogger }),
    retrained: join(root, "cam/retrained"),
  };
}

function cam(version: number, weights = `weights of ${version}`): PublishedForTest {
  return publishedOf("cam", version, { "model.json": Buffer.from(weights), "model-card.json": CARD });
}

/** Receives what is missing of a model, `most` chunks of it. */
async function receive(
  shelf: ModelShelf,
  model: PublishedForTest,
  most = Number.POSITIVE_INFINITY,
  kept: readonly ArtifactVersion[] = [],
): Promise<boolean> {
  const partial = await shelf.receive("cam", model.manifest, kept);
  for (let count = 0; partial.next !== undefined; count++) {
    if (count >= most) return false;
    await partial.add(model.chunks.get(partial.next.digest) ?? Buffer.alloc(0));
  }
  await partial.finish();
  return true;
}

async function retrain(serving: ServingApp, weights: string): Promise<void> {
  const { staging } = await serving.folders("cam");
  await mkdir(staging, { recursive: true });
  await writeFile(join(staging, "model.json"), weights);
  await serving.publish("cam", staging);
}

async function servedWeights({ retrained, root }: Room): Promise<string> {
  const folder = (await findServable(retrained))?.folder ?? join(root, "cam/model");
  return await readFile(join(folder, "model.json"), "utf8");
}

const artifactOf = async ({ serving }: Room) => (await serving.models())[0]?.artifact;

describe("published models on a device", () => {
  it("come whole whatever is cut off, damaged or repeated on the way", async (t) => {
    const sizes = fc.integer({ min: 0, max: Math.round(2.4 * LIMITS.chunkBytes) });
    const accident = fc.record({
      after: fc.integer({ min: 0, max: 4 }),
      file: fc.constantFrom("a.bin", "b.bin", "model.json"),
      share: fc.double({ min: 0, max: 1.2, noNaN: true }),
      kind: fc.constantFrom("cut", "garble", "longer", "none"),
    });
    await fc.assert(
      fc.asyncProperty(sizes, sizes, fc.array(accident, { maxLength: 5 }), async (first, second, accidents) => {
        const { root, shelf } = await room(t);
        const contents = {
          "a.bin": Buffer.alloc(first, "a"),
          "b.bin": Buffer.alloc(second, "b"),
          "model.json": Buffer.from("{}"),
        };
        const model = publishedOf("cam", 1, contents);
        const folder = join(root, "cam/published", `.fetching-${model.artifact.digest.slice(0, 16)}`);
        let isWhole = false;
        for (const { after, file, share, kind } of accidents) {
          isWhole = isWhole || (await receive(shelf, model, after));
          if (isWhole) break;
          const path = join(folder, file);
          const size = (await stat(path).catch(() => ({ size: 0 }))).size;
          if (size === 0 || kind === "none") continue;
          const at = Math.floor(share * size);
          if (kind === "cut") await truncate(path, at);
          else if (kind === "longer") await writeFile(path, "more", { flag: "a" });
          else {
            const content = await readFile(path);
            content[at % size] = (content[at % size] ?? 0) ^ 255;
            await writeFile(path, content);
          }
        }
        if (!isWhole) assert.ok(await receive(shelf, model));
        assert.ok(await shelf.has("cam", model.artifact));
        const there = join(root, "cam/published", model.artifact.digest.slice(0, 16));
        for (const [name, content] of Object.entries(contents)) {
          assert.ok((await readFile(join(there, name))).equals(content), name);
        }
      }),
      { numRuns: 25 },
    );
  });

  it("keep what has arrived, and refuse a chunk that is another", async (t) => {
    const { shelf } = await room(t);
    const model = publishedOf("cam", 1, { "model.json": Buffer.alloc(3 * LIMITS.chunkBytes + 7, "x"), z: CARD });
    await receive(shelf, model, 2);
    const partial = await shelf.receive("cam", model.manifest, []);
    assert.equal(partial.hereBytes, 2 * LIMITS.chunkBytes);
    await assert.rejects(partial.add(Buffer.alloc(LIMITS.chunkBytes, "y")), { code: "invalid-data" });
    assert.equal(partial.hereBytes, 2 * LIMITS.chunkBytes);
    assert.equal(await shelf.has("cam", model.artifact), false);
  });

  it("do not come where the disk has no room, which says how much is missing", async (t) => {
    const { shelf } = await room(t, 65 * 2 ** 20);
    const model = publishedOf("cam", 7, { "model.json": Buffer.alloc(2 * 2 ** 20) });
    await assert.rejects(shelf.receive("cam", model.manifest, []), {
      code: "over-budget",
      message: /cam@7 needs 66(\.0)? MiB free on the disk of .*; it has 65(\.0)? MiB/u,
    });
  });

  it("serve, are retrained, and make room for what served before", async (t) => {
    const here = await room(t);
    const { shelf, serving } = here;
    await retrain(serving, "deployed, adapted");
    const [one, two] = [cam(1), cam(2)];
    await receive(shelf, one);
    await shelf.use("cam", one.artifact);
    assert.equal(await servedWeights(here), "weights of 1");
    assert.deepEqual(await serving.models(), [
      { name: "cam", manifestDigest: one.manifestDigest, artifact: one.artifact },
    ]);
    // As deployed again, with what it had learned here.
    await shelf.use("cam", undefined);
    assert.equal(await servedWeights(here), "deployed, adapted");
    assert.equal(await artifactOf(here), undefined);
    await shelf.use("cam", one.artifact);
    await receive(shelf, two);
    await retrain(serving, "1, adapted");
    assert.deepEqual(await artifactOf(here), one.artifact);
    const { source, serving: served } = await serving.folders("cam");
    assert.equal(await readFile(join(source, "model.json"), "utf8"), "weights of 1");
    assert.equal(await readFile(join(served, "model.json"), "utf8"), "1, adapted");
    await shelf.use("cam", two.artifact);
    assert.equal(await servedWeights(here), "weights of 2");
    await shelf.use("cam", one.artifact);
    assert.equal(await servedWeights(here), "1, adapted");
    await shelf.use("cam", two.artifact);
    for (const weights of ["2, adapted", "2, adapted twice"]) await retrain(serving, weights);
    // What it had learned is gone by now; the version itself is kept, also when another one comes.
    await receive(shelf, cam(3), Number.POSITIVE_INFINITY, [one.artifact]);
    await shelf.use("cam", one.artifact);
    assert.equal(await servedWeights(here), "weights of 1");
    for (const weights of ["a", "b"]) await retrain(serving, weights);
    await shelf.use("cam", undefined);
    assert.equal(await servedWeights(here), '{"weights":"deployed"}');
    // What nothing falls back to makes room for the next.
    await receive(shelf, cam(4));
    const left = await readdir(join(here.root, "cam/published"));
    assert.deepEqual(left, [cam(4).artifact.digest.slice(0, 16)]);
  });

  it("are not served when their files were changed, and are fetched again", async (t) => {
    const here = await room(t);
    const { shelf, root } = here;
    const model = cam(1);
    await receive(shelf, model);
    await writeFile(join(root, "cam/published", model.artifact.digest.slice(0, 16), "model.json"), "changed");
    await assert.rejects(shelf.use("cam", model.artifact), { code: "invalid-data", message: /version 1 in/u });
    assert.equal(await servedWeights(here), '{"weights":"deployed"}');
    assert.equal(await shelf.has("cam", model.artifact), false);
    await receive(shelf, model);
    await shelf.use("cam", model.artifact);
    assert.equal(await servedWeights(here), "weights of 1");
    // Somebody cleans up: the device serves on, and says that it has not got the version any more.
    await rm(join(root, "cam/published"), { recursive: true });
    assert.equal(await artifactOf(here), undefined);
    assert.equal(await servedWeights(here), "weights of 1");
  });

  it("change in one step for a program that reads all the time", async (t) => {
    const here = await room(t);
    const { shelf, retrained } = here;
    const models = [1, 2, 3].map((version) => cam(version));
    let isOver = false;
    const seen = new Set<string>();
    const reading = (async () => {
      while (!isOver) {
        const found = await findServable(retrained);
        if (found === undefined) continue;
        const text = await readFile(join(found.folder, "model.json"), "utf8").catch(() => undefined);
        if (text !== undefined) seen.add(text);
        const digest = await folderDigest(found.folder).catch(() => undefined);
        if (digest !== undefined) assert.ok(digest.startsWith(found.folder.slice(-16)));
      }
    })();
    for (let turn = 0; turn < 12; turn++) {
      const model = models[turn % 3] as PublishedForTest;
      await receive(shelf, model);
      await shelf.use("cam", model.artifact);
      await new Promise((wake) => setTimeout(wake, 5));
    }
    isOver = true;
    await reading;
    for (const text of seen) assert.match(text, /^weights of [123]$/u);
    // What is left on the disk is bounded: the one that serves, and those that are fallen back to.
    assert.ok((await readdir(join(here.root, "cam/published"))).length <= 3);
    assert.ok((await readdir(retrained)).length <= 3);
  });
});
