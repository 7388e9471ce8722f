import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CostProfile } from "../facts/profile.ts";
import { simulatedProfile, someConfigs } from "../test-support/simulated-device.ts";
import { resnetLikeChain } from "../test-support/tiny-chain.ts";
import { MemoryLaw } from "./memory-law.ts";
import { UnitCostTable } from "./unit-costs.ts";

const MIB = 2 ** 20;
const chain = resnetLikeChain(20, "groupNorm");
const costs = new UnitCostTable(chain);
const empty: CostProfile = { ...simulatedProfile(chain), steps: [] };
const configs = someConfigs(64, 24, 5);
const planned = { growthBytes: 20 * MIB, heapBytes: 0, kernelBytes: 0 };

/** A law of steps that each took `offBytes` on top of their plan. */
function lawOf(offBytes: readonly number[]): MemoryLaw {
  const steps = offBytes.map((bytes, index) => {
    const config = configs[index % configs.length] ?? assert.fail("no config");
    const plannedBytes = costs.planned(config, empty.memoryFacts).growthBytes;
    return { config, plannedBytes, peakBytes: Math.max(0, plannedBytes + bytes), stepMs: [1] };
  });
  return new MemoryLaw({ ...empty, steps }, costs);
}

function widthBytes(law: MemoryLaw): number {
  const { expected, upper } = law.growth(planned, 1);
  return upper - expected;
}

test("MemoryLaw's bound follows the scatter of the device's own measurements", () => {
  const still = [0, 0, 0, 0, 0, 0, 0, 0];
  const restless = [4, -4, 3, -3, 4, -4, 3, -3].map((megabytes) => megabytes * MIB);
  assert.ok(widthBytes(lawOf(still)) < 0.8 * widthBytes(lawOf([])), `${widthBytes(lawOf(still))} bytes`);
  assert.ok(widthBytes(lawOf(restless)) > 1.5 * widthBytes(lawOf(still)), `${widthBytes(lawOf(restless))} bytes`);
});

test("a few measurements that agree promise less than many", () => {
  const widths = [1, 2, 4, 8, 16].map((count) => widthBytes(lawOf(Array.from({ length: count }, () => 0))));
  assert.deepEqual(
    widths,
    widths.toSorted((left, right) => right - left),
  );
  assert.ok((widths.at(-1) ?? 0) >= MIB, "a pool that ends early needs room for its gaps whatever was measured");
});

test("one measurement that is off widens the bound, and hardly moves what is expected", () => {
  const still = Array.from({ length: 12 }, () => 0);
  const before = lawOf(still);
  const after = lawOf([...still.slice(1), 12 * MIB]);
  assert.ok(widthBytes(after) > 1.5 * widthBytes(before));
  assert.ok(Math.abs(after.growth(planned, 1).expected - before.growth(planned, 1).expected) < 2 * MIB);
});

test("MemoryLaw's bound holds on steps that it has not seen, where the heap grows by whole pages", () => {
  const bytes = fc.record({
    pages: fc.constantFrom(0, 0, 0, 0, 0, 1, 1, -1),
    share: fc.double({ min: -0.015, max: 0.015, noNaN: true }),
  });
  let missed = 0;
  let seen = 0;
  for (const drawn of fc.sample(fc.array(bytes, { minLength: 26, maxLength: 26 }), { seed: 3, numRuns: 60 })) {
    const off = drawn.map(({ pages, share }) => 2 * MIB * pages + share * 20 * MIB);
    const law = lawOf(off.slice(0, 6));
    for (const bytes of off.slice(6)) {
      seen += 1;
      missed += Number(20 * MIB + bytes > law.growth(planned, 1).upper);
    }
  }
  assert.ok(missed <= 0.01 * seen, `${missed} of ${seen}`);
});

test("MemoryLaw learns how much of the small buffers finds room in the device's heap", () => {
  const truth = (config: (typeof configs)[number]): number => {
    const { growthBytes, heapBytes } = costs.planned(config, empty.memoryFacts);
    return growthBytes + 2 * heapBytes;
  };
  const steps = configs.slice(0, 10).map((config) => ({
    config,
    plannedBytes: costs.planned(config, empty.memoryFacts).growthBytes,
    peakBytes: truth(config),
    stepMs: [1],
  }));
  const law = new MemoryLaw({ ...empty, steps }, costs);
  const unseen = configs.slice(10).map((config) => {
    const plan = costs.planned(config, empty.memoryFacts);
    return { heapBytes: plan.heapBytes, offBytes: truth(config) - law.growth(plan, 1).expected };
  });
  assert.ok(Math.max(...unseen.map(({ heapBytes }) => heapBytes)) > MIB, "heaps must matter here");
  for (const { offBytes } of unseen) assert.ok(Math.abs(offBytes) < MIB, `${offBytes} bytes off`);
});
