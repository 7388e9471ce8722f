import assert from "node:assert/strict";
import { test } from "node:test";
import { CostModel } from "@mpo/core";
import { systemClock } from "@mpo/io";
import { chainOf } from "../compiler/chain-of.ts";
import { smallModel, smallSamples } from "../test-support/small-training.ts";
import { graphDigest } from "./graph-digest.ts";
import { probe } from "./probe.ts";
import type { ProbeTask } from "./probe-task.ts";

const task: ProbeTask = {
  model: smallModel(),
  method: "tent",
  effectiveBatch: 16,
  device: { id: "here", class: "test" },
  configs: [
    { microBatch: 8, accumulation: 2 },
    { microBatch: 16, accumulation: 1 },
    { microBatch: 2, accumulation: 1 },
  ].map((sizes) => ({
    ...sizes,
    freezing: { featureExtraction: 1, normalisation: 0, linear: 1 },
    checkpoints: { kind: "none" },
  })),
};
const options = { environment: process.env, threads: 1 };

test("probe measures units, steps and accuracy, and charges what it spent", async () => {
  const samples = { adapted: smallSamples(16), judged: { ...smallSamples(16) } };
  const profile = await probe({ ...task, samples }, { maxMs: 45_000 }, options);
  assert.equal(profile.model.graphDigest, graphDigest(task.model.graph));
  assert.deepEqual(profile.method, { loss: "tent", optimizer: "adam" });
  assert.ok(profile.unitTimes.length > 0 && profile.steps.length >= 2);
  assert.ok(profile.spent.ms > 0 && profile.spent.peakBytes > profile.idleBytes && profile.idleBytes > 0);
  const predicted = new CostModel(chainOf(task.model.graph), profile).predict({ microBatch: 4, accumulation: 4 });
  assert.ok(predicted.stepMs.expected > 0 && predicted.memoryBytes.upper >= predicted.memoryBytes.expected);

  // New samples, and costs that are known: nothing but accuracy is measured again.
  const other = { adapted: smallSamples(16), judged: smallSamples(16) };
  const again = await probe({ ...task, samples: other, known: profile }, { maxMs: 8_000 }, options);
  assert.deepEqual([again.unitTimes, again.steps], [profile.unitTimes, profile.steps]);
  assert.equal(again.spent.configs, 0);
  await assert.rejects(probe({ ...task, effectiveBatch: 32, known: profile }, { maxMs: 60_000 }, options), {
    code: "invalid-argument",
    message: /another model, method or batch/u,
  });
});

test("probe says so when its time is too short for a profile", async () => {
  await assert.rejects(probe(task, { maxMs: 50 }, options), { code: "over-budget", message: /too short to probe/u });
});

test("probe measures the quickest steps when the time is too short for all as they should be", async () => {
  const maxMs = 60_000;
  let lateMs = 0;
  const profile = await probe(
    task,
    { maxMs },
    {
      ...options,
      clock: { ...systemClock, monotonicMs: () => performance.now() + lateMs },
      // As on a machine on which timing the units takes nearly all of the time.
      onProgress: (what) => {
        if (what === "units") lateMs = maxMs;
      },
    },
  );
  assert.equal(profile.steps.length, 2);
  for (const { peakBytes, stepMs } of profile.steps) {
    assert.ok((peakBytes ?? 0) > 0 && stepMs.length >= 1);
  }
});

test("probe stops when the system's memory runs short", async () => {
  const availableBytes = (): Promise<number> => Promise.resolve(1000);
  await assert.rejects(probe(task, { maxMs: 60_000 }, { ...options, availableBytes }), {
    code: "over-budget",
    message: /free memory fell to 1 KiB/u,
  });
});

test("probe is cancelled", async () => {
  const controller = new AbortController();
  const running = probe(task, { maxMs: 60_000 }, { ...options, signal: controller.signal });
  controller.abort();
  await assert.rejects(running, { code: "cancelled" });
});

test("probe refuses memory that not even its smallest step fits", async () => {
  await assert.rejects(probe(task, { maxMs: 60_000, memoryBytes: 1000 }, options), {
    code: "over-budget",
    message: /may take 1 KiB; .* takes about \d+ KiB|may take 1 KiB; .* MiB/u,
  });
});
