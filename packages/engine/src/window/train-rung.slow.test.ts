import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Prediction, planStep, residentGrowth, resolveRetrainConfig } from "@mpo/core";
import { syntheticImages } from "@mpo/datasets/testing";
import { chainOf } from "../compiler/chain-of.ts";
import { stepMemoryFacts } from "../compiler/memory-facts.ts";
import { initialWeights } from "../model/variables.ts";
import { buildModel } from "../model/zoo/build-model.ts";
import { methodNamed } from "./method.ts";
import { trainRung } from "./train-rung.ts";

const graph = buildModel({ model: "resnet20", norm: "group", inputShape: [32, 32, 3], classes: 10 });
const model = { graph, weights: initialWeights(graph, 1) };
const { images } = syntheticImages({ height: 32, width: 32, channels: 3, count: 96, seed: 2 });
const config = resolveRetrainConfig({ microBatch: 2, accumulation: 4 });
const facts = stepMemoryFacts(chainOf(graph), methodNamed("tent"));
/** Beside its plan, what a heap moves by. */
const HEAP_BYTES = 6 * 2 ** 20;
const memoryBytes = residentGrowth(planStep(chainOf(graph), config), facts) + HEAP_BYTES;

const rung: Prediction = {
  config,
  memoryBytes: { expected: memoryBytes - HEAP_BYTES, upper: memoryBytes },
  stepMs: { expected: 200, upper: 400 },
  overheadMs: 0,
  stepsInWindow: 3,
  accuracy: { expected: 0.5, lower: 0.4, upper: 0.6, steps: 50, isGuess: false },
  trainingMs: 600,
  unknowns: [],
};
const task = {
  model,
  method: "tent" as const,
  rung,
  seed: 1,
  samples: { images, count: 96 },
  judgedOn: { images, count: 96 },
};
const options = { environment: process.env, threads: 1, signal: new AbortController().signal };

describe("trainRung()", () => {
  it("trains as long as its steps were predicted to fit, and judges without labels, all within its bound", async () => {
    const totals = new Set<number>();
    const onProgress = (_: unknown, total: number): void => void totals.add(total);
    const result = await trainRung({ ...task, memoryBytes }, { ...options, onProgress });
    assert.deepEqual([result.steps, result.epochs, [...totals]], [3, 1, [3]]);
    assert.equal(result.judgement, "label-free");
    for (const share of [result.accuracyBefore, result.accuracyAfter]) assert.ok(share !== undefined && share <= 1);
    assert.equal(result.stepMs.length, 2);
    assert.ok(result.overheadMs > 0);
  });

  it("is out of memory under a limit that is too small, and out of time in a window shorter than a step", async () => {
    const large = { ...rung, config: resolveRetrainConfig({ microBatch: 64 }) };
    await assert.rejects(trainRung({ ...task, rung: large, memoryBytes }, options), { code: "over-memory-cap" });
    const late = { ...rung, overheadMs: 75 };
    const short = trainRung({ ...task, rung: late, memoryBytes, maxMs: 250 }, options);
    await assert.rejects(short, { code: "timed-out", message: /a step takes 200 ms; the window has 250 ms/u });
  });
});
