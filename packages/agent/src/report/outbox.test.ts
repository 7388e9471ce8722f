import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { MpoError } from "@mpo/core";
import { VirtualClock } from "@mpo/io/testing";
import type { ReportedStatus } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import type { Disk } from "../ports/disk.ts";
import { openFolderDisk } from "../ports/folder-disk.ts";
import { IDENTITY, START_MS } from "../test-support/documents.ts";
import { FakeFleet } from "../test-support/fake-fleet.ts";
import { CHAIN, profileOf } from "../test-support/profile.ts";
import { MemoryDisk } from "../testing/memory-disk.ts";
import { Outbox } from "./outbox.ts";

const STATUS: ReportedStatus = {
  kind: "document",
  document: { version: { epoch: 1, version: 1 }, state: "applied", message: "" },
};
let seed = 0;
const open = (disk: Disk): Promise<Outbox> => {
  seed += 1;
  return Outbox.open(disk, { identity: IDENTITY, name: `life-${seed}`, logger: silentLogger });
};
const sequences = (fleet: FakeFleet): readonly number[] => fleet.statuses.map(({ sequence }) => sequence);

describe("an outbox", () => {
  it("keeps reports over a restart on a real disk, in order, and forgets what was sent", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mpo-agent-outbox-"));
    try {
      const disk = await openFolderDisk(folder);
      const fleet = new FakeFleet(new VirtualClock(START_MS));
      let outbox = await open(disk);
      for (let count = 0; count < 3; count++) await outbox.addStatus(STATUS, START_MS);
      await outbox.addProfile(profileOf("resnet", START_MS), CHAIN, "o1");
      await outbox.close();
      outbox = await open(disk);
      assert.equal(outbox.waiting.length, 4);
      await outbox.flush(fleet.link);
      await outbox.addStatus(STATUS, START_MS);
      await outbox.close();
      outbox = await open(disk);
      await outbox.flush(fleet.link);
      await outbox.close();
      assert.deepEqual(sequences(fleet), [1, 2, 3, 5]);
      const names = fleet.statuses.map(({ report }) => report.replace(/\d+-/, "N-"));
      assert.deepEqual(names, ["life-N-1", "life-N-2", "life-N-3", "life-N-5"]);
      assert.notEqual(fleet.statuses[3]?.report, "life-1-5", "a start names its own reports");
      assert.deepEqual(fleet.profiles[0]?.chain, CHAIN);
      assert.equal(fleet.duplicates, 0);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("sends from memory what a read-only folder does not take", async () => {
    const disk: Disk = new MemoryDisk();
    const readOnly = (): Promise<never> => Promise.reject(new MpoError("precondition-failed", "EROFS: read-only"));
    const openJournal: Disk["openJournal"] = async (name) => ({
      ...(await disk.openJournal(name)),
      ...{ append: readOnly, compact: readOnly },
    });
    const outbox = await open({ ...disk, openJournal });
    const fleet = new FakeFleet(new VirtualClock(START_MS));
    await outbox.addStatus(STATUS, START_MS);
    await outbox.flush(fleet.link);
    assert.deepEqual(sequences(fleet), [1]);
    assert.equal(outbox.waiting.length, 0);
  });

  it("gives no sequence twice, also when all was sent and compacted", async () => {
    const disk = new MemoryDisk();
    const fleet = new FakeFleet(new VirtualClock(START_MS));
    for (let life = 0; life < 10; life++) {
      const outbox = await open(disk);
      for (let count = 0; count < 5; count++)
        await outbox.addProfile(profileOf("resnet", START_MS), CHAIN, `o-${life}-${count}`);
      await outbox.addStatus(STATUS, START_MS);
      await outbox.flush(fleet.link);
    }
    assert.equal(new Set(sequences(fleet)).size, 10);
    const journal = await disk.openJournal("outbox.journal");
    assert.ok(journal.sizeBytes < 500_000, `the journal is compacted: ${journal.sizeBytes}`);
  });

  it("drops what is refused for ever, and keeps what may pass", async () => {
    const fleet = new FakeFleet(new VirtualClock(START_MS));
    const outbox = await open(new MemoryDisk());
    await outbox.addStatus(STATUS, START_MS);
    await outbox.addStatus(STATUS, START_MS);
    for (const code of ["unavailable", "timed-out", "unauthenticated", "not-found", "conflict", "internal"] as const) {
      const failing = { ...fleet.link, reportStatus: () => Promise.reject(new MpoError(code, "no")) };
      await assert.rejects(outbox.flush(failing), { code });
      assert.equal(outbox.waiting.length, 2);
    }
    let calls = 0;
    const refusing = {
      ...fleet.link,
      reportStatus: () => {
        calls += 1;
        return calls === 1
          ? Promise.reject(new MpoError("invalid-data", "no"))
          : Promise.resolve({ isDuplicate: false });
      },
    };
    await outbox.flush(refusing);
    assert.deepEqual([outbox.waiting.length, outbox.dropped, calls], [0, 1, 2]);
  });

  it("keeps the newest of too many, and one profile a model unless ordered", async () => {
    const outbox = await open(new MemoryDisk());
    for (let count = 0; count < 520; count++) await outbox.addStatus(STATUS, START_MS);
    assert.deepEqual([outbox.waiting.length, outbox.dropped], [512, 8]);
    const profiles = await open(new MemoryDisk());
    await profiles.addProfile(profileOf("a", 1), CHAIN, undefined);
    await profiles.addProfile(profileOf("b", 2), CHAIN, undefined);
    await profiles.addProfile(profileOf("a", 3), CHAIN, "order");
    await profiles.addProfile(profileOf("a", 4), CHAIN, undefined);
    const times = profiles.waiting.map(({ kind, request }) => (kind === "profile" ? request.profile.measuredAtMs : 0));
    assert.deepEqual(times, [2, 3, 4]);
  });

  it("reports under the device's name of today, also what was measured under another, and lets nothing wait behind it", async () => {
    const disk = new MemoryDisk();
    const before = await open(disk);
    await before.addStatus(STATUS, START_MS);
    await before.addProfile(profileOf("resnet", START_MS), CHAIN, undefined);
    await before.close();
    const identity = { ...IDENTITY, device: "kitchen" };
    const outbox = await Outbox.open(disk, { identity, name: "renamed", logger: silentLogger });
    await outbox.addAgain({ report: "told-1", profile: profileOf("cam", START_MS), chain: CHAIN });
    const broken = { ...profileOf("broken", START_MS), idleBytes: -1 };
    await assert.rejects(outbox.addProfile(broken, CHAIN, undefined), { code: "invalid-argument" });
    await outbox.addStatus(STATUS, START_MS);
    const fleet = new FakeFleet(new VirtualClock(START_MS));
    await outbox.flush(fleet.link);
    assert.equal(outbox.waiting.length, 0);
    const reports = [...fleet.statuses, ...fleet.profiles];
    assert.deepEqual(new Set(reports.map((report) => report.identity)), new Set([identity]));
    assert.deepEqual(
      fleet.profiles.map(({ profile }) => [profile.model.name, profile.device.id]),
      [
        ["resnet", "kitchen"],
        ["cam", "kitchen"],
      ],
    );
  });

  it("passes over records that it cannot read", async () => {
    const disk = new MemoryDisk();
    const journal = await disk.openJournal("outbox.journal");
    for (const bytes of [Uint8Array.of(), Uint8Array.of(9, 1), Uint8Array.of(3, 255, 255)]) await journal.append(bytes);
    const outbox = await open(disk);
    await outbox.addStatus(STATUS, START_MS);
    assert.equal(outbox.waiting.length, 1);
  });
});
