import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { MpoError } from "@mpo/core";
import { compareVersions, desiredEnvelopeCodec } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import fc from "fast-check";
import type { Disk } from "../ports/disk.ts";
import { openFolderDisk } from "../ports/folder-disk.ts";
import { DAY_MS, DEVICE_CLASS, documentOf, envelopeOf, IDENTITY, START_MS } from "../test-support/documents.ts";
import { MemoryDisk, type WriteFault } from "../testing/memory-disk.ts";
import { ConfigStore } from "./config-store.ts";
import { checkDocument, type DocumentContext } from "./document-check.ts";

const CONTEXT = { identity: IDENTITY, deviceClass: DEVICE_CLASS, nowMs: START_MS };
const open = (disk: Disk): Promise<ConfigStore> => ConfigStore.open(disk, silentLogger);
const versionOf = (store: ConfigStore): number | undefined => store.document?.version.version;

describe("a document", () => {
  const floorOf = (version: number): DocumentContext["floor"] => {
    const verdict = checkDocument(envelopeOf(documentOf(version)), { ...CONTEXT, floor: undefined });
    return verdict.kind === "accepted" ? verdict.floor : undefined;
  };
  const cases: readonly {
    readonly what: string;
    readonly envelope: Uint8Array;
    readonly context?: Partial<DocumentContext>;
    readonly reason: string;
  }[] = [
    { what: "is no message", envelope: Buffer.from("hello"), reason: "unreadable" },
    { what: "is too large", envelope: Buffer.alloc(10_000), reason: "unreadable" },
    {
      what: "holds no document",
      envelope: desiredEnvelopeCodec.toBytes({ document: Buffer.from("x"), signatures: [] }),
      reason: "unreadable",
    },
    { what: "is for another device", envelope: envelopeOf(documentOf(1, { device: "camera-2" })), reason: "foreign" },
    { what: "is for another tenant", envelope: envelopeOf(documentOf(1, { tenant: "other" })), reason: "foreign" },
    {
      what: "is for another class",
      envelope: envelopeOf(documentOf(1, { deviceClass: "test-2g" })),
      reason: "foreign",
    },
    { what: "is older", envelope: envelopeOf(documentOf(4)), context: { floor: floorOf(5) }, reason: "older" },
    {
      what: "is of an older epoch",
      envelope: envelopeOf(documentOf(9)),
      context: { floor: { epoch: 2, version: 1, digest: "", issuedAtMs: 0 } },
      reason: "older",
    },
    {
      what: "has another content under the same version",
      envelope: envelopeOf(documentOf(5, { chosenRung: 0 })),
      context: { floor: floorOf(5) },
      reason: "changed",
    },
    {
      what: "has expired",
      envelope: envelopeOf(documentOf(1)),
      context: { nowMs: START_MS + 31 * DAY_MS },
      reason: "expired",
    },
    {
      what: "has expired although the clock starts in 1970",
      envelope: envelopeOf(documentOf(2)),
      context: { nowMs: 0, floor: { epoch: 1, version: 1, digest: "", issuedAtMs: START_MS + 40 * DAY_MS } },
      reason: "expired",
    },
    {
      what: "is not signed as it must be",
      envelope: envelopeOf(documentOf(1)),
      context: {
        verify: () => {
          throw new MpoError("unauthenticated", "no signature of a known key");
        },
      },
      reason: "unsigned",
    },
  ];
  for (const { what, envelope, context, reason } of cases) {
    it(`is refused when it ${what}`, () => {
      const verdict = checkDocument(envelope, { ...CONTEXT, floor: undefined, ...context });
      assert.equal(verdict.kind === "refused" ? verdict.reason : "accepted", reason);
    });
  }

  it("never throws, whatever bytes come", () => {
    const good = envelopeOf(documentOf(3));
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, value]) => good.map((b, i) => (i === at ? value : b))),
    );
    fc.assert(fc.property(bytes, (envelope) => void checkDocument(envelope, { ...CONTEXT, floor: undefined })));
  });
});

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
