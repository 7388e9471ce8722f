import assert from "node:assert/strict";
import { test } from "node:test";
import { chainOf } from "../compiler/chain-of.ts";
import { smallModel } from "../test-support/small-training.ts";
import { timeUnits } from "./time-units.ts";
import { timedPlan } from "./timed-plan.ts";
import { unitTimeSamples, updateSample } from "./unit-time-samples.ts";

const plan = timedPlan(chainOf(smallModel().graph));

test("unitTimeSamples gives each instruction's time to one unit and direction, or to the accumulators", () => {
  const instructionMs = plan.microStep.map((_, index) => index + 1);
  const steps = [{ microBatch: 4, instructionMs }];
  const samples = unitTimeSamples(plan, steps);
  assert.equal(samples.length, plan.chain.units.length);
  const inUnits = samples.reduce((sum, { forwardMs, backwardMs }) => {
    return sum + (forwardMs[0] as number) + (backwardMs[0] as number);
  }, 0);
  const update = updateSample(plan, { steps, applyMs: [3], tensorflowVersion: "", peakBytes: 0 });
  const lossMs = plan.microStep.reduce((sum, { kind }, index) => (kind === "loss" ? sum + index + 1 : sum), 0);
  const all = instructionMs.reduce((sum, ms) => sum + ms, 0);
  assert.equal(inUnits + (update.accumulateMs[0] as number) + lossMs, all);
});

test("timeUnits reads the time of every instruction inside a real step", async () => {
  const training = { loss: "crossEntropy", optimizer: { kind: "sgd" } } as const;
  const request = { training, microBatches: [1, 8], rounds: 1, maxMs: 60_000, seed: 1 };
  const report = await timeUnits(smallModel(), request, { environment: process.env, threads: 1 });
  assert.ok(report.steps.length >= 2);
  for (const { instructionMs } of report.steps) {
    assert.equal(instructionMs.length, plan.microStep.length);
    assert.ok(instructionMs.every((ms) => Number.isFinite(ms) && ms >= 0));
  }
  const total = (microBatch: number): number =>
    Math.min(
      ...report.steps
        .filter((step) => step.microBatch === microBatch)
        .map(({ instructionMs }) => instructionMs.reduce((sum, ms) => sum + ms, 0)),
    );
  assert.ok(total(1) > 0 && total(8) > 0);
});

test("timeUnits is cancelled at once", async () => {
  const training = { loss: "crossEntropy", optimizer: { kind: "sgd" } } as const;
  const request = { training, microBatches: [1], rounds: 1, maxMs: 60_000, seed: 1 };
  const options = { environment: process.env, signal: AbortSignal.abort() };
  await assert.rejects(timeUnits(smallModel(), request, options), { code: "cancelled" });
});
