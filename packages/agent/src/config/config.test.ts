import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { compareVersions } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import fc from "fast-check";
import type { Disk } from "../ports/disk.ts";
import { openFolderDisk } from "../ports/folder-disk.ts";
import { DEVICE_CLASS, documentOf, envelopeOf, IDENTITY, START_MS } from "../test-support/documents.ts";
import { MemoryDisk, type WriteFault } from "../testing/memory-disk.ts";
import { ConfigStore } from "./config-store.ts";

const CONTEXT = { identity: IDENTITY, deviceClass: DEVICE_CLASS, models: ["resnet"], nowMs: START_MS };
const open = (disk: Disk): Promise<ConfigStore> => ConfigStore.open(disk, silentLogger);
const versionOf = (store: ConfigStore): number | undefined => store.document?.version.version;

describe("the store of documents", () => {
  it("goes forward only, also over restarts", async () => {
    const disk = new MemoryDisk();
    let store = await open(disk);
    const offer = async (version: number): Promise<string> =>
      (await store.offer(envelopeOf(documentOf(version)), CONTEXT)).kind;
    assert.equal(await offer(3), "applied");
    assert.equal(await offer(3), "known");
    assert.equal(await offer(2), "refused");
    store = await open(disk);
    assert.deepEqual([versionOf(store), store.floor?.version], [3, 3]);
    assert.equal(await offer(2), "refused");
    assert.equal(await offer(7), "applied");
    assert.equal(await offer(5), "refused");
  });

  it("knows its document again when the device has another name, and takes it where it was not put in use", async () => {
    const device = "kitchen";
    const context = { ...CONTEXT, identity: { ...IDENTITY, device } };
    for (const isInUse of [true, false]) {
      const disk = new MemoryDisk();
      await (await open(disk)).offer(envelopeOf(documentOf(3)), CONTEXT);
      if (!isInUse) await disk.remove("config");
      const store = await open(disk);
      const renamed = await store.offer(envelopeOf(documentOf(3, { device })), context);
      assert.equal(renamed.kind, isInUse ? "known" : "applied");
      const other = await store.offer(envelopeOf(documentOf(3, { device, chosenRung: 0 })), context);
      assert.equal(other.kind === "refused" ? other.reason : other.kind, "changed");
      assert.equal((await store.offer(envelopeOf(documentOf(4, { device })), context)).kind, "applied");
    }
  });

  it("any order and repetition of pushes ends with the newest", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }), async (pushes) => {
        const store = await open(new MemoryDisk());
        for (const version of pushes) {
          const before = store.floor;
          await store.offer(envelopeOf(documentOf(version)), CONTEXT);
          assert.ok(before === undefined || compareVersions(store.floor ?? before, before) >= 0);
        }
        assert.equal(versionOf(store), Math.max(...pushes));
      }),
      { numRuns: 50 },
    );
  });

  it("falls back to the last good document, and does not take the bad one again", async () => {
    const disk = new MemoryDisk();
    let store = await open(disk);
    await store.offer(envelopeOf(documentOf(1)), CONTEXT);
    assert.equal(await store.confirm({ epoch: 1, version: 1 }), true);
    await store.offer(envelopeOf(documentOf(2)), CONTEXT);
    assert.deepEqual([store.isConfirmed, store.isGivenUp], [false, false]);
    assert.equal(await store.giveUp({ epoch: 1, version: 2 }), true);
    assert.deepEqual([versionOf(store), store.isConfirmed, store.floor?.version, store.isGivenUp], [1, true, 2, true]);
    assert.equal((await store.offer(envelopeOf(documentOf(2)), CONTEXT)).kind, "known");
    store = await open(disk);
    assert.equal((await store.offer(envelopeOf(documentOf(2)), CONTEXT)).kind, "known");
    assert.deepEqual([versionOf(store), store.isConfirmed, store.isGivenUp], [1, true, true]);
    assert.equal((await store.offer(envelopeOf(documentOf(3)), CONTEXT)).kind, "applied");
    assert.equal(store.isGivenUp, false);
  });

  it("keeps nothing in use when the only document is given up", async () => {
    const store = await open(new MemoryDisk());
    await store.offer(envelopeOf(documentOf(1)), CONTEXT);
    await store.confirm({ epoch: 1, version: 1 });
    await store.giveUp({ epoch: 1, version: 1 });
    assert.equal(store.document, undefined);
    assert.equal(await store.giveUp({ epoch: 1, version: 1 }), false);
    assert.equal(await store.confirm({ epoch: 1, version: 1 }), false);
  });

  it("a crash at any write leaves the old or the new document, and never lets an older one in", async () => {
    const story = async (store: ConfigStore): Promise<void> => {
      await store.offer(envelopeOf(documentOf(1)), CONTEXT);
      await store.confirm({ epoch: 1, version: 1 });
      await store.offer(envelopeOf(documentOf(2)), CONTEXT);
      await store.giveUp({ epoch: 1, version: 2 });
      await store.offer(envelopeOf(documentOf(4)), CONTEXT);
      await store.confirm({ epoch: 1, version: 4 });
    };
    const whole = new MemoryDisk();
    await story(await open(whole));
    assert.ok(whole.writes >= 8, "the story writes");
    for (let at = 0; at < whole.writes; at++) {
      for (const fault of ["crash-before", "crash-after"] as const) {
        const disk: MemoryDisk = new MemoryDisk((write): WriteFault => (write === at ? fault : "none"));
        const before = await open(disk);
        await assert.rejects(story(before), { code: "cancelled" });
        disk.restart();
        const after = await open(disk);
        const what = `${fault} at write ${at}`;
        // Nothing that was in use is replaced by an older one, but for the last good one.
        assert.ok((after.floor?.version ?? 0) >= (before.floor?.version ?? 0), what);
        assert.ok([undefined, 1, 2, 4].includes(versionOf(after)), what);
        const isOlderIn = (await after.offer(envelopeOf(documentOf(3)), CONTEXT)).kind === "applied";
        assert.equal(isOlderIn, (after.floor?.version ?? 0) === 3, what);
        // The newest comes in from every state.
        await after.offer(envelopeOf(documentOf(5)), CONTEXT);
        assert.deepEqual([versionOf(after), after.floor?.version], [5, 5], what);
      }
    }
  });

  it("a full disk is told, the old document stays, and the same push is taken later", async () => {
    for (const full of [4, 5]) {
      let isFull = true;
      const disk = new MemoryDisk((write) => (isFull && write === full - 1 ? "full" : "none"));
      const store = await open(disk);
      await store.offer(envelopeOf(documentOf(1)), CONTEXT);
      await store.confirm({ epoch: 1, version: 1 });
      await assert.rejects(store.offer(envelopeOf(documentOf(2)), CONTEXT), { code: "unavailable" });
      assert.equal(versionOf(store), 1);
      isFull = false;
      assert.equal((await store.offer(envelopeOf(documentOf(2)), CONTEXT)).kind, "applied", `full at ${full}`);
    }
  });

  it("notices damage on a real disk, and falls back", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mpo-agent-config-"));
    try {
      const disk = await openFolderDisk(folder);
      let store = await open(disk);
      await store.offer(envelopeOf(documentOf(6)), CONTEXT);
      const floor = await readFile(join(folder, "version-floor"), "utf8");
      await writeFile(join(folder, "version-floor"), floor.replace('"version":6', '"version":1'));
      store = await open(disk);
      assert.equal(store.floor?.version, 6, "what is in use is the least floor");
      const config = await readFile(join(folder, "config"));
      config[40] = (config[40] as number) ^ 1;
      await writeFile(join(folder, "config"), config);
      store = await open(disk);
      assert.equal(store.document, undefined);
      assert.ok((await readFile(join(folder, "config.damaged"))).length > 0);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
