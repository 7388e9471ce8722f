import assert from "node:assert/strict";
import { test } from "node:test";
import type { MethodName } from "../facts/method-names.ts";
import type { AccuracySample, Profile } from "../facts/profile.ts";
import { methodsOf, ofMethod, stepFacts } from "../facts/profile-methods.ts";
import { resolveRetrainConfig } from "../facts/retrain-config.ts";
import { withPrescribedRates } from "../plan/index.ts";
import { simulatedProfile } from "../test-support/simulated-device.ts";
import { resnetLikeChain } from "../test-support/tiny-chain.ts";
import { plannersOf, searchPlanners } from "./method-planners.ts";
import { observe } from "./online-correction.ts";

const chain = resnetLikeChain(20, "batchNorm");
const BUDGET = { memoryBytes: 2 ** 32, windowMs: 3_600_000 };
const FACTS = { slotsPerParameter: 2, lossWorkBytesPerSample: 80 };

function curve(method: string, gain: number): AccuracySample {
  const { freezing } = withPrescribedRates(resolveRetrainConfig({}), method);
  return {
    ...{ freezing, microBatch: 16, judge: "labels", startAccuracy: 0.4, judgedSamples: 2000 },
    points: [5, 20, 80].map((steps) => ({ steps, accuracy: 0.4 + gain * (1 - Math.exp(-steps / 10)) })),
  };
}

/** A profile of SHOT beside which Tent and a method of a later release have raced. */
function raced(): Profile {
  return {
    ...simulatedProfile(chain),
    method: { loss: "shot", optimizer: "momentum" },
    accuracy: [curve("shot", 0.1)],
    others: ["tent", "later"].map((loss) => ({
      method: { loss, optimizer: "adam" },
      memoryFacts: FACTS,
      accuracy: [curve(loss, 0.3)],
    })),
  };
}

test("a profile is that of each of its methods in turn, and comes back as it was", () => {
  const profile = observe(raced(), { ...raced().steps[0]!, method: "tent" });
  assert.deepEqual(methodsOf(profile), ["shot", "tent"]);
  const tent = ofMethod(profile, "tent")!;
  assert.deepEqual([tent.method.loss, tent.memoryFacts], ["tent", FACTS]);
  assert.equal(tent.steps.at(-1)?.method, undefined);
  assert.equal(tent.steps[0]?.method, "shot");
  for (const one of [profile, tent]) {
    assert.deepEqual(stepFacts(one, one.steps.at(-1)!), FACTS);
    assert.deepEqual(stepFacts(one, one.steps[0]!), profile.memoryFacts);
  }
  const [{ others, ...own }, { others: theirs, ...back }] = [profile, ofMethod(tent, "shot")!];
  assert.deepEqual(back, own);
  assert.deepEqual(new Set(theirs), new Set(others));
  assert.equal(ofMethod(profile, "eta"), undefined);
});

test("what a window took of the profile's own method says nothing of a method", () => {
  const [step] = raced().steps;
  assert.deepEqual(observe(raced(), { ...step!, method: "shot" }).steps.at(-1), step);
});

test("a search is over all methods of a profile that this release has, or over those that are allowed", () => {
  const planners = plannersOf(raced(), chain);
  const { best, methods } = searchPlanners(planners, BUDGET);
  assert.equal(best.method, "tent");
  assert.deepEqual(
    methods.map(({ method }) => method),
    ["tent", "shot"],
  );
  const allowed: readonly MethodName[] = ["shot", "norm"];
  const { ladder } = searchPlanners(planners, BUDGET, { methods: allowed });
  assert.ok(ladder.every(({ method }) => method === "shot"));
  assert.throws(() => searchPlanners(planners, { ...BUDGET, memoryBytes: 1 }), { code: "over-budget" });
  const later = { ...raced(), method: { loss: "later", optimizer: "sgd" }, others: undefined };
  assert.throws(() => plannersOf(later, chain), { code: "precondition-failed", message: /for later/u });
});

test("what the fleet knows of a method joins what the device has seen of it", () => {
  const [shot] = plannersOf({ ...raced(), accuracy: [], others: undefined }, chain, { prior: raced() }).values();
  assert.equal(shot?.accuracy.isGuess, false);
  const prior = { ...raced(), method: { loss: "tent", optimizer: "adam" }, others: undefined };
  const [other] = plannersOf({ ...raced(), accuracy: [], others: undefined }, chain, { prior }).values();
  assert.equal(other?.accuracy.isGuess, true);
});
