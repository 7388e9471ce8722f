import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeConfig } from "@mpo/core";
import { PUBLISHED_NAMES, PUBLISHED_RULES, type PublishedName } from "./published-rules.ts";

const input = { unitCount: 11, effectiveBatch: 48, microBatches: [1, 2, 4, 8, 16, 48] };
const of = (name: PublishedName) => PUBLISHED_RULES[name](input);

describe("the published rules", () => {
  it("have one config where the rule leaves no choice", () => {
    for (const name of ["publishedPlain", "publishedFreezing", "publishedCheckpointing"] as const) {
      const [config, ...rest] = of(name);
      assert.deepEqual(rest, [], name);
      assert.equal(config?.microBatch, 48);
      assert.equal(config?.accumulation, 1);
    }
    assert.deepEqual(of("publishedFreezing")[0]?.freezing, { featureExtraction: 0.5, normalisation: 0.5, linear: 0 });
    assert.deepEqual(of("publishedCheckpointing")[0]?.checkpoints, { kind: "uniform", segments: 3 });
  });

  it("take the largest micro-batch first, and the plain step before any mixture", () => {
    assert.deepEqual(
      of("publishedMicroBatch").map(({ microBatch }) => microBatch),
      [48, 16, 8, 4, 2, 1],
    );
    const [first, ...mixed] = of("publishedMixture");
    assert.deepEqual(first, of("publishedPlain")[0]);
    assert.deepEqual(mixed[0], of("publishedCheckpointing")[0]);
    assert.ok(mixed.every(({ checkpoints }) => checkpoints.kind === "uniform"));
  });

  it("keep the effective batch", () => {
    for (const config of PUBLISHED_NAMES.flatMap(of)) {
      assert.equal(config.microBatch * config.accumulation, 48, describeConfig(config));
    }
  });
});
