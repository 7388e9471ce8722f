import assert from "node:assert/strict";
import { test } from "node:test";
import { chainOf } from "../compiler/chain-of.ts";
import { smallModel } from "../test-support/small-training.ts";
import { timeUnits } from "./time-units.ts";
import { timedPlan } from "./timed-plan.ts";
import { unitTimeSamples, updateSample } from "./unit-time-samples.ts";

const chain = chainOf(smallModel().graph);
const plan = timedPlan(chain);
const counted = plan.microStep.map((_, index) => index + 1);

test("unitTimeSamples gives each instruction's time to one unit and direction, or to the accumulators", () => {
  const pass = { pass: "all", steps: [{ microBatch: 4, instructionMs: counted }], applyMs: [3] } as const;
  const samples = unitTimeSamples(chain, [pass]);
  assert.equal(samples.length, chain.units.length);
  const inUnits = samples.reduce((sum, { forwardMs, backwardMs }) => {
    return sum + (forwardMs[0] as number) + (backwardMs[0] as number);
  }, 0);
  const update = updateSample(chain, pass);
  const lossMs = plan.microStep.reduce((sum, { kind }, index) => (kind === "loss" ? sum + index + 1 : sum), 0);
  const all = counted.reduce((sum, ms) => sum + ms, 0);
  assert.equal(inUnits + (update.accumulateMs[0] as number) + lossMs, all);
});

test("unitTimeSamples leaves out runs during which others had the processor", () => {
  const calm = { microBatch: 4, instructionMs: counted, othersCpuShare: 0.01 };
  const disturbed = { microBatch: 4, instructionMs: counted.map((ms) => 3 * ms), othersCpuShare: 0.6 };
  const samples = unitTimeSamples(chain, [{ pass: "all", steps: [calm, disturbed, calm], applyMs: [3] }]);
  const undisturbed = unitTimeSamples(chain, [{ pass: "all", steps: [calm, calm], applyMs: [3] }]);
  assert.deepEqual(samples, undisturbed);
  const onlyDisturbed = unitTimeSamples(chain, [{ pass: "all", steps: [disturbed], applyMs: [3] }]);
  assert.equal(onlyDisturbed[0]?.forwardMs.length, 1);
});

test("timeUnits reads the time of every instruction inside real steps, with everything and with norms alone training", async () => {
  const training = { loss: "crossEntropy", optimizer: { kind: "sgd" } } as const;
  const request = { training, microBatches: [1, 8], rounds: 1, maxMs: 60_000, seed: 1 };
  const report = await timeUnits(smallModel(), request, { environment: process.env, threads: 1 });
  assert.deepEqual(
    report.passes.map(({ pass }) => pass),
    ["all", "normOnly"],
  );
  for (const { pass, steps } of report.passes) {
    const { microStep } = timedPlan(chain, 1, pass);
    assert.deepEqual([...new Set(steps.map(({ microBatch }) => microBatch))], [1, 8]);
    for (const { instructionMs } of steps) {
      assert.equal(instructionMs.length, microStep.length);
      assert.ok(instructionMs.every((ms) => Number.isFinite(ms) && ms >= 0));
      assert.ok(instructionMs.some((ms) => ms > 0));
    }
  }
});

test("timeUnits is cancelled at once", async () => {
  const training = { loss: "crossEntropy", optimizer: { kind: "sgd" } } as const;
  const request = { training, microBatches: [1], rounds: 1, maxMs: 60_000, seed: 1 };
  const options = { environment: process.env, signal: AbortSignal.abort() };
  await assert.rejects(timeUnits(smallModel(), request, options), { code: "cancelled" });
});
