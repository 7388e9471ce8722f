import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createLogger } from "@mpo/runtime";
import { encodeStored } from "../config/stored-file.ts";
import { DRIFT_START } from "../drift/drift-detector.ts";
import { ReportedProfiles } from "../link/reported-profiles.ts";
import { openFolderDisk } from "../ports/folder-disk.ts";
import { Outbox } from "../report/outbox.ts";
import { IDENTITY } from "../test-support/documents.ts";
import { CHAIN, profileOf } from "../test-support/profile.ts";
import { keepKnownProfile, readKnownProfile } from "./known-profile.ts";
import { NO_WORK, WorkMemory, type WorkState } from "./work-memory.ts";

const WORK: WorkState = {
  probes: {
    cam: {
      ...{ manifestDigest: "ab".repeat(32), engineVersion: "1" },
      ...{ measuredAtMs: 1, workerIdleBytes: 2, failures: 0, retryAtMs: 0, doneOrders: ["o"] },
    },
  },
  infeasible: { "[1]": 5 },
  drift: { cam: { ...DRIFT_START, features: { mean: { mean: 1, squares: 2 } }, confidences: [0.5] } },
  cursors: { cam: "c" },
};
const PROFILE = profileOf("cam", 1);

interface Bench {
  readonly folder: string;
  readonly log: string[];
  /** Writes all files, whole; then `damage` replaces one of them. */
  damaged(name: string, damage: (content: Buffer) => Uint8Array): Promise<void>;
  read(): Promise<{
    readonly work: WorkState;
    readonly hasProfile: boolean;
    readonly hasReported: boolean;
    readonly waiting: number;
  }>;
}

async function withState(check: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-damaged-"));
  const log: string[] = [];
  const logger = createLogger({ write: (line) => void log.push(line) });
  const disk = await openFolderDisk(folder);
  const open = () => Outbox.open(disk, { identity: IDENTITY, name: "life", logger });
  try {
    await check({
      folder,
      log,
      damaged: async (name, damage) => {
        await (await WorkMemory.open({ disk, logger })).change(WORK);
        await keepKnownProfile({ disk, logger }, PROFILE);
        const outbox = await open();
        const report = await outbox.addProfile(PROFILE, CHAIN, undefined);
        await new ReportedProfiles({ disk, logger }).keep({ report, profile: PROFILE, chain: CHAIN });
        await outbox.close();
        const path = join(folder, name);
        await writeFile(path, damage(await readFile(path)));
      },
      read: async () => {
        const outbox = await open();
        await outbox.close();
        return {
          work: (await WorkMemory.open({ disk, logger })).state,
          hasProfile: (await readKnownProfile({ disk, logger }, "cam")) !== undefined,
          hasReported: (await new ReportedProfiles({ disk, logger }).read("cam")) !== undefined,
          waiting: outbox.waiting.length,
        };
      },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const DAMAGES: readonly (readonly [string, (content: Buffer) => Uint8Array])[] = [
  ["zeros of its size", (content) => Buffer.alloc(content.length)],
  ["half of it overwritten", (content) => Buffer.concat([content.subarray(0, 4), Buffer.alloc(content.length)])],
  ["a text", () => Buffer.from("something else")],
];

describe("the state of an agent", () => {
  it("comes back as it was written", () =>
    withState(async (bench) => {
      await bench.damaged("work", (content) => content);
      assert.deepEqual(await bench.read(), { work: WORK, hasProfile: true, hasReported: true, waiting: 1 });
      assert.deepEqual(bench.log, []);
    }));

  for (const name of ["work", "profile-cam", "reported-cam", "outbox.journal"]) {
    for (const [what, damage] of DAMAGES) {
      it(`${name} with ${what} is set aside, logged once, and the rest is kept`, () =>
        withState(async (bench) => {
          await bench.damaged(name, damage);
          const expected = {
            work: name === "work" ? NO_WORK : WORK,
            hasProfile: name !== "profile-cam",
            hasReported: name !== "reported-cam",
            waiting: name === "outbox.journal" ? 0 : 1,
          };
          assert.deepEqual(await bench.read(), expected);
          assert.deepEqual(await bench.read(), expected, "the next start");
          assert.equal(bench.log.length, 1, bench.log.join(""));
          const { level, file, msg } = JSON.parse(bench.log[0] as string) as Record<string, string>;
          assert.deepEqual([level, /set aside/u.test(msg as string)], ["error", true]);
          assert.match(file as string, new RegExp(name, "u"));
          assert.ok((await stat(join(bench.folder, `${name}.damaged`))).size > 0);
          assert.ok((await readdir(bench.folder)).includes("outbox.journal"));
        }));
    }
  }

  const others: readonly (readonly [string, object])[] = [
    ["a field fewer", { ...WORK, cursors: undefined }],
    ["no fields", { ...WORK, probes: null }],
    ["a list for a record", { ...WORK, probes: [{ a: 1 }] }],
    ["other records", { ...WORK, probes: { cam: { v: 2 } } }],
    ["a number for a record", { ...WORK, drift: 7 }],
    ["cursors that are no texts", { ...WORK, cursors: { cam: 3 } }],
  ];
  for (const [what, value] of others) {
    it(`work of ${what} starts as none`, () =>
      withState(async (bench) => {
        await bench.damaged("work", () => encodeStored(value));
        assert.deepEqual((await bench.read()).work, NO_WORK);
        assert.equal(bench.log.length, 1);
      }));
  }
});
