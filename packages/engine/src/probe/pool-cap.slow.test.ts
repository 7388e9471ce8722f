import assert from "node:assert/strict";
import { test } from "node:test";
import {
  MpoError,
  planStep,
  poolUse,
  type RetrainConfig,
  residentGrowth,
  resolveRetrainConfig,
  type StepMemoryFacts,
} from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import { stepMemoryFacts } from "../compiler/memory-facts.ts";
import type { Optimizer } from "../losses/optimizer.ts";
import type { ModelGraph } from "../model/model-graph.ts";
import { initialWeights } from "../model/variables.ts";
import { buildModel, type ModelName } from "../model/zoo/build-model.ts";
import { PreparedStep } from "./measure-step.ts";
import { poolCapFor } from "./pool-cap.ts";

const MEBIBYTE = 1024 * 1024;
/** Less than what the step must have: it is refused. */
const TOO_LITTLE_BYTES = 6 * MEBIBYTE;
const FREEZING = { featureExtraction: 0.7, normalisation: 0, linear: 0 };

const CASES: readonly (readonly [ModelName, Partial<RetrainConfig>, Optimizer])[] = [
  ["resnet20", { microBatch: 24 }, { kind: "sgd" }],
  // Accumulators begin as zeros of their own: constants of zeros would take the room of the step.
  ["mobilenet-v2", { microBatch: 4, accumulation: 2, freezing: FREEZING }, { kind: "sgd" }],
  ["mobilenet-v2", { microBatch: 4, checkpoints: { kind: "uniform", segments: 4 } }, { kind: "adam" }],
];

for (const [model, partial, optimizer] of CASES) {
  test(`a step runs under the pool's limit for what it is planned to need, and not with ${TOO_LITTLE_BYTES} bytes less: ${model} ${JSON.stringify(partial)}`, async () => {
    const graph = buildModel({ model, norm: "batch", inputShape: [32, 32, 3], classes: 10 });
    const config = resolveRetrainConfig(partial);
    const facts = stepMemoryFacts(chainOf(graph), { loss: "crossEntropy", optimizer });
    const growthBytes = residentGrowth(planStep(chainOf(graph), config), facts);
    const run = (memoryCapBytes: number): Promise<void> => stepUnder(memoryCapBytes, graph, config, optimizer);
    await run(poolCapFor(planStep(chainOf(graph), config), facts, growthBytes));
    await assert.rejects(
      run(poolUse(planStep(chainOf(graph), config), facts).peakBytes - TOO_LITTLE_BYTES),
      (error) => error instanceof MpoError && error.code === "over-memory-cap",
    );
  });
}

for (const microBatch of [1, 2]) {
  test(`a step of ${microBatch} large image(s) runs under its limit though nearly all is frozen`, async () => {
    const graph = buildModel({ model: "mobilenet-v2", norm: "batch", inputShape: [224, 224, 3], classes: 10 });
    const freezing = { featureExtraction: 1, normalisation: 1, linear: 0 };
    const checkpoints = { kind: "uniform", segments: 4 } as const;
    const config = resolveRetrainConfig({ microBatch, accumulation: 4, freezing, checkpoints });
    const optimizer = { kind: "sgd" } as const;
    const facts = stepMemoryFacts(chainOf(graph), { loss: "crossEntropy", optimizer });
    const growthBytes = residentGrowth(planStep(chainOf(graph), config), facts);
    await stepUnder(poolCapFor(planStep(chainOf(graph), config), facts, growthBytes), graph, config, optimizer);
  });
}

test("the pool's limit leaves room for the heap where the bound does, and never passes the bound", () => {
  const graph = buildModel({ model: "mobilenet-v2", norm: "batch", inputShape: [32, 32, 3], classes: 10 });
  const facts: StepMemoryFacts = stepMemoryFacts(chainOf(graph), { loss: "crossEntropy", optimizer: { kind: "sgd" } });
  const config = resolveRetrainConfig({ microBatch: 8 });
  const plan = planStep(chainOf(graph), config);
  const { idleBytes, peakBytes } = poolUse(plan, facts);
  const planned = residentGrowth(plan, facts);
  const capAt = (growthBytes: number): number => poolCapFor(plan, facts, growthBytes);
  assert.ok(peakBytes > idleBytes);
  for (const more of [0, 5, 20, 100]) {
    const cap = capAt(planned + more * MEBIBYTE);
    assert.ok(cap >= peakBytes, `${more} MiB more than planned: ${cap} bytes for ${peakBytes}`);
    assert.ok(cap - idleBytes <= planned + more * MEBIBYTE);
  }
  assert.ok(capAt(planned + 100 * MEBIBYTE) > capAt(planned + 20 * MEBIBYTE));
  assert.ok(capAt(planned / 2) - idleBytes <= planned / 2);
  assert.equal(capAt(0), idleBytes);
});

/** Runs a step and a timed one under a limit. Throws `over-memory-cap` when it is too small. */
async function stepUnder(
  memoryCapBytes: number,
  graph: ModelGraph,
  config: RetrainConfig,
  optimizer: Optimizer,
): Promise<void> {
  const model = { graph, weights: initialWeights(graph, 1) };
  const training = { loss: "crossEntropy", optimizer } as const;
  const task = { model, training, seed: 1, environment: process.env, memoryCapBytes };
  await using step = await PreparedStep.start(task, config);
  await step.measure(1);
}
