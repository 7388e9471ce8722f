import assert from "node:assert/strict";
import { test } from "node:test";
import { chainOf } from "../../compiler/chain-of.ts";
import { timedParts } from "../../compiler/timed-parts.ts";
import { smallModel } from "../../test-support/small-training.ts";
import { timeUnits } from "./time-units.ts";
import { timedPlan } from "./timed-plan.ts";
import { unitTimeSamples, updateSample } from "./unit-time-samples.ts";

const chain = chainOf(smallModel().graph);
const plan = timedPlan(chain);
const parts = timedParts(plan);
const counted = parts.map((_, index) => index + 1);

/** Sum of the counted milliseconds of some parts. */
function countedOf(isMeant: (part: (typeof parts)[number]) => boolean): number {
  return counted.reduce((sum, ms, index) => (isMeant(parts[index] as (typeof parts)[number]) ? sum + ms : sum), 0);
}

test("unitTimeSamples gives each part's time to one unit and direction, or to the accumulators", () => {
  const timed = { steps: [{ microBatch: 4, partMs: counted }], applyMs: [3] };
  const samples = unitTimeSamples(chain, timed);
  assert.equal(samples.length, chain.units.length);
  const total = (field: "forwardMs" | "backwardMs" | "normOnlyBackwardMs"): number =>
    samples.reduce((sum, sample) => sum + (sample[field]?.[0] as number), 0);
  const update = updateSample(chain, timed);
  const lossMs = countedOf(({ instruction }) => plan.microStep[instruction]?.kind === "loss");
  const all = countedOf(() => true);
  assert.equal(total("forwardMs") + total("backwardMs") + (update.accumulateMs[0] as number) + lossMs, all);
  const kernelMs = countedOf(({ isKernelGradient }) => isKernelGradient);
  assert.ok(kernelMs > 0);
  assert.equal(total("backwardMs") - total("normOnlyBackwardMs"), kernelMs);
});

test("unitTimeSamples leaves out runs during which others had the processor", () => {
  const calm = { microBatch: 4, partMs: counted, othersCpuShare: 0.01 };
  const disturbed = { microBatch: 4, partMs: counted.map((ms) => 3 * ms), othersCpuShare: 0.6 };
  const samples = unitTimeSamples(chain, { steps: [calm, disturbed, calm], applyMs: [3] });
  const undisturbed = unitTimeSamples(chain, { steps: [calm, calm], applyMs: [3] });
  assert.deepEqual(samples, undisturbed);
  const onlyDisturbed = unitTimeSamples(chain, { steps: [disturbed], applyMs: [3] });
  assert.equal(onlyDisturbed[0]?.forwardMs.length, 1);
});

test("timeUnits reads the time of every part inside real steps", async () => {
  const training = { loss: "crossEntropy", optimizer: { kind: "sgd" } } as const;
  const request = { training, microBatches: [1, 8], rounds: 1, maxMs: 60_000, seed: 1 };
  const { steps, applyMs } = await timeUnits(smallModel(), request, { environment: process.env, threads: 1 });
  assert.deepEqual([...new Set(steps.map(({ microBatch }) => microBatch))], [1, 8]);
  assert.equal(applyMs.length, 1);
  for (const { partMs } of steps) {
    assert.equal(partMs.length, parts.length);
    assert.ok(partMs.every((ms) => Number.isFinite(ms) && ms >= 0));
    assert.ok(partMs.some((ms) => ms > 0));
  }
});

test("timeUnits is cancelled at once", async () => {
  const training = { loss: "crossEntropy", optimizer: { kind: "sgd" } } as const;
  const request = { training, microBatches: [1], rounds: 1, maxMs: 60_000, seed: 1 };
  const options = { environment: process.env, signal: AbortSignal.abort() };
  await assert.rejects(timeUnits(smallModel(), request, options), { code: "cancelled" });
});
