import assert from "node:assert/strict";
import { test } from "node:test";
import { plannerOf, resolveRetrainConfig, searchMethods } from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import { smallModel, smallSamples } from "../test-support/small-training.ts";
import { METHODS_WITHOUT_LABELS } from "../window/method.ts";
import { type MethodsTask, probeMethods } from "./probe-methods.ts";

const model = smallModel();
const { images, count } = smallSamples(32);
const task: MethodsTask = {
  model,
  methods: METHODS_WITHOUT_LABELS,
  effectiveBatch: 16,
  device: { id: "here", class: "test" },
  samples: { adapted: { images, count }, judged: { images, count } },
  // Few, so that the race begins early.
  configs: [16, 4].map((microBatch) => resolveRetrainConfig({ microBatch, accumulation: 16 / microBatch })),
};
const options = { environment: process.env, threads: 1 };
const BUDGET = { memoryBytes: 2 ** 30, windowMs: 60_000 };

test("methods are probed once for memory and time, race for accuracy, and are searched together", async () => {
  const profiles = await probeMethods(task, { maxMs: 45_000 }, options);
  assert.deepEqual([...profiles.keys()], METHODS_WITHOUT_LABELS);
  const [norm, tent, shot] = [profiles.get("norm")!, profiles.get("tent")!, profiles.get("shot")!];
  assert.deepEqual(tent.unitTimes, shot.unitTimes);
  assert.deepEqual(tent.method, { loss: "tent", optimizer: "adam" });
  assert.deepEqual(
    [norm, tent, shot].map(({ memoryFacts }) => memoryFacts.slotsPerParameter),
    [2, 2, 1],
  );
  for (const [method, { accuracy }] of profiles) assert.ok(accuracy.length > 0, `nothing was learned by ${method}`);
  const searched = [...profiles].map(
    ([method, profile]) => [method, plannerOf(profile, chainOf(model.graph)).search(BUDGET)] as const,
  );
  const { best, methods } = searchMethods(new Map(searched));
  assert.equal(methods.length, METHODS_WITHOUT_LABELS.length);
  const accuracies = searched.map(([, { best: each }]) => each.accuracy.expected);
  assert.ok(best.accuracy.expected >= Math.max(...accuracies) - 0.001);
});

test("methods that cannot change a model, or lack labels, are left out", async () => {
  const methods = ["crossEntropy", "tent"] as const;
  const profiles = await probeMethods({ ...task, methods }, { maxMs: 30_000 }, options);
  assert.deepEqual([...profiles.keys()], ["tent"]);
  await assert.rejects(probeMethods({ ...task, methods: ["crossEntropy"] }, { maxMs: 60_000 }, options), {
    code: "invalid-argument",
    message: /none of crossEntropy/u,
  });
});
