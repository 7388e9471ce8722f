import assert from "node:assert/strict";
import { test } from "node:test";
import { predictionSchema } from "../facts/prediction.ts";
import { checked } from "../facts/schema.ts";
import { simulatedProfile } from "../test-support/simulated-device.ts";
import { resnetLikeChain } from "../test-support/tiny-chain.ts";
import { emptyProfile } from "../test-support/tiny-profile.ts";
import { plannerOf } from "./planner.ts";

const chain = resnetLikeChain(20, "groupNorm");
const profile = simulatedProfile(chain);
const budget = { memoryBytes: 64 * 2 ** 20, windowMs: 600_000 };

test("a planner predicts of one config what its search says of it", () => {
  const planner = plannerOf(profile, chain);
  const { best } = planner.search(budget);
  assert.deepEqual(planner.predict(best.config, budget.windowMs), best);
});

test("planners of one chain share what is planned of it, whatever the device", () => {
  const [first, second] = [profile, { ...profile, idleBytes: 1 }].map((one) => plannerOf(one, chain));
  assert.equal(first?.costs.costs, second?.costs.costs);
  assert.notEqual(plannerOf(profile, structuredClone(chain)).costs.costs, first?.costs.costs);
});

test("a planner searches under what the profile's method prescribes", () => {
  const { ladder } = plannerOf({ ...profile, method: { loss: "tent" } }, chain).search(budget);
  for (const { config } of ladder) {
    assert.equal(config.freezing.featureExtraction, 1);
    assert.equal(config.freezing.linear, 1);
  }
});

test("a planner of an unmeasured device predicts as one of an empty profile, and says what it has not seen", () => {
  const { memoryFacts, effectiveBatch, method, model } = profile;
  const planner = plannerOf({ memoryFacts, effectiveBatch, method, model }, chain);
  const empty = plannerOf(emptyProfile(chain, { memoryFacts, effectiveBatch, method, model }), chain);
  const { best } = planner.search({ ...budget, memoryBytes: 2 ** 40 });
  assert.deepEqual(best, empty.search({ ...budget, memoryBytes: 2 ** 40 }).best);
  assert.match(best.unknowns.join(), /nothing was measured.*no accuracy was measured/u);
});

test("what a prediction says is within the bounds of a document, however long the window", () => {
  const { best } = plannerOf(profile, chain).search({ ...budget, windowMs: Number.MAX_SAFE_INTEGER });
  assert.deepEqual(checked(predictionSchema, best, "best"), best);
});
