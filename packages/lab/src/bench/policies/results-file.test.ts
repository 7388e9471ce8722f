import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { PROFILE_VERSION, type Profile } from "@mpo/core";
import { type PolicyResults, readPolicyResults, writePolicyResults } from "./results-file.ts";

const DIGEST = "ab".repeat(32);
const profile: Profile = {
  version: PROFILE_VERSION,
  model: { name: "m", graphDigest: DIGEST, unitCount: 1, parameterCount: 1, hasBatchStatistics: false },
  device: { id: "here", class: "test" },
  software: { engine: "0.1.0", library: "2.15.1" },
  method: { loss: "tent", optimizer: "adam" },
  memoryFacts: { slotsPerParameter: 2, lossWorkBytesPerSample: 1 },
  effectiveBatch: 16,
  idleBytes: 1,
  unitTimes: [],
  steps: [],
  updates: [],
  accuracy: [],
  spent: { ms: 1, peakBytes: 1, configs: 0 },
  measuredAtMs: 1,
};
const identity = { digest: "abc", samples: 64, seed: 1 };
const results: PolicyResults = {
  identity,
  before: new Map([["fog", 0.2]]),
  methods: new Map([
    [
      "tent",
      {
        profile,
        outcomes: [
          { key: "a", corruption: "fog", isOverCap: false, accuracyAfter: 0.5, peakBytes: 7, seconds: 1.5, steps: 2 },
          { key: "a", corruption: "snow", isOverCap: false, accuracyAfter: 0.6, seconds: 1.4, steps: 2 },
          { key: "b", corruption: "fog", isOverCap: true, accuracyAfter: 0, seconds: 0, steps: 0 },
        ],
      },
    ],
    ["shot", { profile: { ...profile, method: { loss: "shot", optimizer: "momentum" } }, outcomes: [] }],
  ]),
};

describe("the results' file of a bench of policies", () => {
  const { signal } = new AbortController();
  let folder: string;
  let path: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mpo-policies-"));
    path = join(folder, "results.json");
    await writePolicyResults(path, results);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("comes back as it was written", async () => {
    assert.deepEqual(await readPolicyResults(path, identity, DIGEST, signal), results);
  });

  it("is refused for other options and for another model", async () => {
    const other = { ...identity, seed: 2 };
    await assert.rejects(readPolicyResults(path, other, DIGEST, signal), {
      code: "conflict",
      message: /seed is 1, not 2/u,
    });
    await assert.rejects(readPolicyResults(path, identity, "other", signal), { code: "precondition-failed" });
  });

  const damages = [
    { what: "is truncated", change: (text: string) => text.slice(0, 300) },
    {
      what: "has an accuracy above 1",
      change: (text: string) => text.replace('"accuracyAfter": 0.5', '"accuracyAfter": 5'),
    },
    { what: "is of another kind", change: (text: string) => text.replace("mpo-bench-policies", "mpo-profile") },
  ];
  for (const { what, change } of damages) {
    it(`is refused when it ${what}`, async () => {
      const damaged = join(folder, "damaged.json");
      await writeFile(damaged, change(await readFile(path, "utf8")));
      await assert.rejects(readPolicyResults(damaged, identity, DIGEST, signal), {
        code: "invalid-data",
        message: /damaged\.json/u,
      });
    });
  }
});
