import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bounded } from "../facts/prediction.ts";
import type { CostProfile } from "../facts/profile.ts";
import { UnitCostTable } from "../memory/unit-costs.ts";
import { typical } from "../numerics/index.ts";
import { simulatedProfile, someConfigs } from "../test-support/simulated-device.ts";
import { resnetLikeChain } from "../test-support/tiny-chain.ts";
import { TimeLaw } from "./time-law.ts";

const chain = resnetLikeChain(20, "groupNorm");
const costs = new UnitCostTable(chain);
const config = someConfigs(64, 60, 11)[3] ?? assert.fail("no config");

function stepMs(profile: CostProfile): Bounded {
  const law = new TimeLaw(profile, costs);
  const { trainedBytes } = costs.planned(config, profile.memoryFacts);
  return law.stepMs(law.microMs(config), { ...config, trainedBytes }, 1);
}

test("TimeLaw is not moved by a repeat that a busy machine spoilt", () => {
  const profile = simulatedProfile(chain);
  const unitTimes = profile.unitTimes.map((sample) => {
    const [first = 0] = sample.forwardMs;
    return { ...sample, forwardMs: [...sample.forwardMs, 20 * first] };
  });
  const clean = stepMs(profile).expected;
  const dirty = stepMs({ ...profile, unitTimes }).expected;
  assert.ok(Math.abs(dirty / clean - 1) < 0.05, `${dirty} against ${clean}`);
});

test("TimeLaw's bound reaches to the steps that others slowed while it was probed, but not to a hiccup", () => {
  const profile = simulatedProfile(chain);
  const repeated = (shares: readonly number[]): CostProfile => {
    const steps = profile.steps.map((step) => ({
      ...step,
      stepMs: shares.map((share) => share * typical(step.stepMs)),
    }));
    return { ...profile, steps };
  };
  const quiet = stepMs(repeated([1, 0.99, 1.01, 1, 0.98, 1.02, 1]));
  const shared = stepMs(repeated([1, 0.8, 0.9, 1.2, 1, 1.3, 0.7]));
  const hiccup = stepMs(repeated([1, 0.99, 1.01, 1, 0.98, 1.02, 3]));
  assert.ok(shared.upper > 1.3 * shared.expected, `${shared.upper} of ${shared.expected}`);
  assert.ok(quiet.upper < 1.2 * quiet.expected, `${quiet.upper} of ${quiet.expected}`);
  assert.ok(hiccup.upper < 1.2 * hiccup.expected, `${hiccup.upper} of ${hiccup.expected}`);
});
