import assert from "node:assert/strict";
import { test } from "node:test";
import { type RetrainConfig, resolveRetrainConfig } from "../facts/retrain-config.ts";
import { SimulatedProber, SLOW_BOARD, simulatedProfile, someConfigs } from "../test-support/simulated-device.ts";
import { resnetLikeChain } from "../test-support/tiny-chain.ts";
import { CostModel } from "./cost-model.ts";
import { observe } from "./online-correction.ts";
import { plannerOf } from "./planner.ts";

const chain = resnetLikeChain(20, "groupNorm");
const configs = someConfigs(64, 60, 11);

interface Errors {
  readonly memory: number;
  readonly time: number;
  readonly memoryOver: number;
  readonly timeOver: number;
}

/** Mean errors and shares above the bound, over configs that were never measured. */
function errorsOf(model: CostModel, prober: SimulatedProber, profile = simulatedProfile(chain)): Errors {
  const sum = { memory: 0, time: 0, memoryOver: 0, timeOver: 0 };
  for (const config of configs) {
    const { memoryBytes, stepMs } = model.predict(config);
    const bytes = prober.trueBytes(config, profile);
    const ms = prober.trueMs(config);
    sum.memory += Math.abs(memoryBytes.expected / bytes - 1) / configs.length;
    sum.time += Math.abs(stepMs.expected / ms - 1) / configs.length;
    sum.memoryOver += Number(bytes > memoryBytes.upper) / configs.length;
    sum.timeOver += Number(ms > stepMs.upper) / configs.length;
  }
  return sum;
}

test("CostModel predicts configs that were never run, within 3 % of memory and 8 % of time", () => {
  const errors = errorsOf(new CostModel(chain, simulatedProfile(chain)), new SimulatedProber(chain));
  assert.ok(errors.memory <= 0.03, `memory ${errors.memory}`);
  assert.ok(errors.time <= 0.08, `time ${errors.time}`);
  assert.ok(errors.memoryOver <= 0.02, `${errors.memoryOver} above memory's bound`);
});

test("CostModel does with whole steps alone, less well", () => {
  const profile = { ...simulatedProfile(chain), unitTimes: [] };
  const model = new CostModel(chain, profile);
  assert.ok(errorsOf(model, new SimulatedProber(chain)).time <= 0.25);
  assert.match(model.unknowns(configs[0] as RetrainConfig).join(), /no unit's time was measured/);
});

test("CostModel of a device that was never measured says that it knows nothing, and its bounds are wide", () => {
  const { memoryFacts } = simulatedProfile(chain);
  const unmeasured = {
    memoryFacts,
    effectiveBatch: 256,
    method: { loss: "tent" },
    model: { hasBatchStatistics: false },
  };
  const model = plannerOf(unmeasured, chain).costs;
  const { memoryBytes, stepMs, unknowns } = model.predict({ microBatch: 4 });
  assert.ok(memoryBytes.upper >= 1.25 * memoryBytes.expected);
  assert.ok(stepMs.upper >= 1.5 * stepMs.expected);
  assert.match(unknowns.join(), /nothing was measured.*no memory was measured/);
});

test("CostModel's bounds widen past the measured micro-batches", () => {
  const profile = simulatedProfile(chain);
  const model = new CostModel(chain, profile);
  const large = resolveRetrainConfig({ microBatch: 512 });
  const step = new SimulatedProber(chain).step(large, profile);
  const measured = new CostModel(chain, { ...profile, steps: [...profile.steps, step] });
  const widthBytes = (of: CostModel): number => {
    const { expected, upper } = of.predict(large).memoryBytes;
    return upper - expected;
  };
  assert.ok(widthBytes(model) > 2 * widthBytes(measured), `${widthBytes(model)} and ${widthBytes(measured)} bytes`);
  assert.match(model.predict({ microBatch: 512 }).unknowns.join(), /512 lies outside the measured 2 to 64/);
});

test("observe corrects a device that has changed", () => {
  const profile = simulatedProfile(chain);
  const model = new CostModel(chain, profile);
  const changed = new SimulatedProber(chain, { ...SLOW_BOARD, memoryScale: 1.3, flopsPerMs: 2e6, bytesPerMs: 2e5 });
  const windows = configs.slice(0, 24).map((config) => {
    const { plannedBytes, peakBytes = 0, stepMs } = changed.step(config, profile);
    return { config, plannedBytes, peakBytes: peakBytes, stepMs };
  });
  const before = errorsOf(model, changed);
  const after = errorsOf(new CostModel(chain, windows.reduce(observe, profile)), changed);
  assert.ok(after.memory < before.memory / 2, `memory ${before.memory} to ${after.memory}`);
  assert.ok(after.time < before.time / 2, `time ${before.time} to ${after.time}`);
});
