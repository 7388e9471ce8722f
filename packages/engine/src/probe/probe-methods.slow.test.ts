import assert from "node:assert/strict";
import { test } from "node:test";
import { methodsOf, ofMethod, plannersOf, resolveRetrainConfig, SEARCHED_METHODS, searchPlanners } from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import { smallModel, smallSamples } from "../test-support/small-training.ts";
import { type MethodsTask, probeMethods } from "./probe-methods.ts";

const model = smallModel();
const { images, count } = smallSamples(32);
const task: MethodsTask = {
  model,
  methods: SEARCHED_METHODS,
  effectiveBatch: 16,
  device: { id: "here", class: "test" },
  samples: { adapted: { images, count }, judged: { images, count } },
  // Few, so that the race begins early.
  configs: [16, 4].map((microBatch) => resolveRetrainConfig({ microBatch, accumulation: 16 / microBatch })),
};
const options = { environment: process.env, threads: 1 };
const BUDGET = { memoryBytes: 2 ** 30, windowMs: 60_000 };

test("methods are probed once for memory and time, race for accuracy, and are searched together", async () => {
  const profile = await probeMethods(task, { maxMs: 45_000 }, options);
  assert.deepEqual(new Set(methodsOf(profile)), new Set(SEARCHED_METHODS));
  assert.deepEqual(profile.method, { loss: "shot", optimizer: "momentum" });
  const [norm, tent, shot] = ["norm", "tent", "shot"].map((method) => ofMethod(profile, method)!);
  assert.deepEqual(tent?.method, { loss: "tent", optimizer: "adam" });
  assert.deepEqual(
    [norm, tent, shot].map((each) => each?.memoryFacts.slotsPerParameter),
    [2, 2, 1],
  );
  for (const method of SEARCHED_METHODS) {
    assert.ok((ofMethod(profile, method)?.accuracy.length ?? 0) > 0, `nothing was learned by ${method}`);
  }
  const { best, methods } = searchPlanners(plannersOf(profile, chainOf(model.graph)), BUDGET);
  assert.equal(methods.length, SEARCHED_METHODS.length);
  assert.ok(best.accuracy.expected >= Math.max(...methods.map(({ accuracy }) => accuracy.expected)) - 0.001);
  // They race again where memory and time are known: those alone that are asked for, and need no labels.
  const known = { ...profile, accuracy: [] };
  const asked = ["crossEntropy", "tent", "norm"] as const;
  const again = await probeMethods({ ...task, methods: asked, known }, { maxMs: 15_000 }, options);
  assert.deepEqual(methodsOf(again), ["shot", "tent", "norm"]);
  assert.deepEqual([again.steps, again.accuracy], [profile.steps, []]);
  assert.ok(ofMethod(again, "tent")!.accuracy.length > 0);
});

test("methods that cannot change a model, or lack labels, are left out", async () => {
  await assert.rejects(probeMethods({ ...task, methods: ["crossEntropy"] }, { maxMs: 60_000 }, options), {
    code: "invalid-argument",
    message: /none of crossEntropy/u,
  });
});
