import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { PROFILE_VERSION, type Profile } from "@mpo/core";
import { buildModel, chainOf, graphDigest, stepMemoryFacts } from "@mpo/engine";
import { readProfileDocument, writeProfileDocument } from "./profile-document.ts";

const graph = buildModel({ model: "resnet20", norm: "batch", inputShape: [12, 12, 1], classes: 10 });
const chain = chainOf(graph);
const profile: Profile = {
  version: PROFILE_VERSION,
  model: {
    name: graph.name,
    graphDigest: graphDigest(graph),
    unitCount: chain.units.length,
    parameterCount: 1,
    hasBatchStatistics: true,
  },
  device: { id: "here", class: "test" },
  software: { engine: "0.1.0", library: "2.15.1" },
  method: { loss: "tent", optimizer: "adam" },
  memoryFacts: stepMemoryFacts(chain, { loss: "tent", optimizer: { kind: "adam" } }),
  effectiveBatch: 16,
  idleBytes: 1,
  unitTimes: [{ unit: 0, microBatch: 1, forwardMs: [1], backwardMs: [2] }],
  steps: [],
  updates: [],
  accuracy: [],
  spent: { ms: 1, peakBytes: 1, configs: 0 },
  measuredAtMs: 1,
};

describe("a profile's file", () => {
  let workingFolder: string;
  const context = (): { workingFolder: string; signal: AbortSignal } => {
    return { workingFolder, signal: new AbortController().signal };
  };
  before(async () => {
    workingFolder = await mkdtemp(join(tmpdir(), "mpo-profile-"));
  });
  after(() => rm(workingFolder, { recursive: true, force: true }));

  it("comes back as it was written", async () => {
    await writeProfileDocument("p.json", { profile, graph }, context());
    const read = await readProfileDocument("p.json", context());
    assert.deepEqual(read.profile, profile);
    assert.equal(read.chain.units.length, chain.units.length);
  });

  const text = JSON.stringify({ kind: "mpo-profile", version: 1, profile, graph });
  const cases = [
    { what: "is truncated", content: text.slice(0, 500), code: "invalid-data" },
    { what: "is no profile", content: "{}", code: "invalid-data" },
    { what: "has a negative time", content: text.replace('"forwardMs":[1]', '"forwardMs":[-1]'), code: "invalid-data" },
    {
      what: "has a time that is none",
      content: text.replace('"forwardMs":[1]', '"forwardMs":[null]'),
      code: "invalid-data",
    },
    { what: "has another graph", content: text.replace('"units":10', '"units":12'), code: "invalid-data" },
    { what: "is of a later version", content: text.replace('"version":1', '"version":2'), code: "precondition-failed" },
  ];
  for (const { what, content, code } of cases) {
    it(`is refused when it ${what}`, async () => {
      await writeFile(join(workingFolder, "bad.json"), content);
      await assert.rejects(readProfileDocument("bad.json", context()), { code, message: /bad\.json/u });
    });
  }

  it("is refused when it is of another model, device class or engine", async () => {
    await writeProfileDocument("p.json", { profile, graph }, context());
    for (const expected of [{ graphDigest: "other" }, { deviceClass: "other" }, { engine: "other" }]) {
      await assert.rejects(readProfileDocument("p.json", context(), expected), { code: "precondition-failed" });
    }
  });
});
