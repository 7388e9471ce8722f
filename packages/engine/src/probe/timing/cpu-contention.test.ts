import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { othersShare, readCpu } from "./cpu-contention.ts";

const reading = (atMs: number, machineMs: number, ownMs: number) => ({ atMs, machineMs, ownMs });

describe("the share of the processor that others take", () => {
  let procFolder: string;
  before(async () => {
    procFolder = await mkdtemp(join(tmpdir(), "mpo-proc-"));
    await mkdir(join(procFolder, "7"));
    await writeFile(join(procFolder, "stat"), "cpu  100 20 30 9999 50 1 2 3 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n");
    await writeFile(join(procFolder, "7", "stat"), "7 (a ) name) R 1 7 7 0 -1 0 1 0 0 0 40 2 0 0 20 0 1 0\n");
  });
  after(() => rm(procFolder, { recursive: true, force: true }));

  it("is what the machine worked and the watched ones did not", () => {
    assert.equal(othersShare(reading(0, 0, 0), reading(1000, 1500, 1000), 2), 0.25);
    assert.equal(othersShare(reading(0, 0, 0), reading(1000, 900, 1000), 2), 0);
  });

  it("is not known of a moment", () => {
    assert.equal(othersShare(reading(0, 0, 0), reading(20, 40, 0), 2), undefined);
  });

  it("reads all but idle time of the machine, and the time of a child whatever its name", () => {
    const found = readCpu([7], procFolder);
    assert.equal(found?.machineMs, 1560);
    const alone = readCpu([], procFolder);
    assert.ok((found?.ownMs ?? 0) - (alone?.ownMs ?? 0) >= 420 - 50);
  });

  it("is not known where there is no /proc, or no such child", () => {
    assert.equal(readCpu([], join(procFolder, "none")), undefined);
    assert.equal(readCpu([99], procFolder), undefined);
  });
});
