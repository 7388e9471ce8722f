import assert from "node:assert/strict";
import { test } from "node:test";
import type { CostProfile } from "../facts/profile.ts";
import { UnitCostTable } from "../memory/unit-costs.ts";
import { simulatedProfile, someConfigs } from "../test-support/simulated-device.ts";
import { resnetLikeChain } from "../test-support/tiny-chain.ts";
import { TimeLaw } from "./time-law.ts";

const chain = resnetLikeChain(20, "groupNorm");
const costs = new UnitCostTable(chain);
const config = someConfigs(64, 60, 11)[3] ?? assert.fail("no config");

function expectedMs(profile: CostProfile): number {
  const law = new TimeLaw(profile, costs);
  const { trainedBytes } = costs.planned(config, profile.memoryFacts);
  return law.stepMs(law.microMs(config), { ...config, trainedBytes }, 1).expected;
}

test("TimeLaw is not moved by a repeat that a busy machine spoilt", () => {
  const profile = simulatedProfile(chain);
  const unitTimes = profile.unitTimes.map((sample) => {
    const [first = 0] = sample.forwardMs;
    return { ...sample, forwardMs: [...sample.forwardMs, 20 * first] };
  });
  const clean = expectedMs(profile);
  const dirty = expectedMs({ ...profile, unitTimes });
  assert.ok(Math.abs(dirty / clean - 1) < 0.05, `${dirty} against ${clean}`);
});
