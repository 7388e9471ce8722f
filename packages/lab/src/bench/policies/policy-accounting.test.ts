import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CONTENDER_NAMES, type ContenderName } from "./contenders.ts";
import { chargedWindowMs, comparePolicies, type Limits, type PolicyCell } from "./policy-accounting.ts";

const TIGHT: Limits = { memoryBytes: 10, windowMs: 1000 };
const LOOSE: Limits = { memoryBytes: 1000, windowMs: 1000 };
const BEFORE = [0.4, 0.6];

/** Cells of every contender: those that are named adapt to these accuracies, the others leave the model as it is. */
function cellsOf(limits: Limits, adapted: Partial<Record<ContenderName, readonly number[]>>): readonly PolicyCell[] {
  return CONTENDER_NAMES.map((policy) => {
    const after = adapted[policy];
    // Limits as they come from elsewhere: equal, not the same object.
    return { limits: { ...limits }, policy, isAdapted: after !== undefined, after: after ?? BEFORE };
  });
}

const near = (actual: number | undefined, expected: number): void => {
  assert.ok(actual !== undefined && Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);
};

describe("comparePolicies()", () => {
  const tight = cellsOf(TIGHT, { joint: [0.8, 0.9], microBatch: [0.5, 0.9], publishedMixture: [0.6, 0.7] });
  const all = [0.8, 0.9];
  const loose = cellsOf(LOOSE, {
    publishedPlain: all,
    fullBatch: all,
    microBatch: all,
    freezing: [0.7, 0.95],
    checkpointing: [0.85, 0.9],
    microBatchAndCheckpointing: [0.9, 0.9],
    joint: [0.85, 0.9],
  });
  const { pairs, ...summary } = comparePolicies([...tight, ...loose]);

  it("takes the best single technique of each pair of limits, those that stay as they are included", () => {
    const [first, second] = pairs;
    assert.equal(first?.bestSingle.policy, "microBatch");
    near(first?.gainOverSingle, 0.15);
    assert.equal(second?.bestSingle.policy, "checkpointing");
    near(second?.gainOverSingle, 0);
    near(first?.gainOverSingleByDrift[0], 0.3);
    near(second?.gainOverSingleByDrift[1], -0.05);
  });

  it("counts limits as binding where the plain step does not fit, and averages there alone", () => {
    assert.deepEqual(
      pairs.map(({ isBinding }) => isBinding),
      [true, false],
    );
    assert.equal(summary.bindingPairs, 1);
    near(summary.meanGainWhereBinding, 0.15);
    near(summary.meanGainOver.freezing, 0.35);
    near(summary.meanGainOver.publishedPlain, 0.35);
    near(summary.largestGain, 0.3);
  });

  it("takes the best published rule of each pair of limits", () => {
    assert.equal(pairs[0]?.bestPublished.policy, "publishedMixture");
    near(pairs[0]?.gainOverPublished, 0.2);
    near(summary.meanGainOverPublished, 0.2);
    assert.equal(pairs[1]?.bestPublished.policy, "publishedPlain");
  });

  it("holds joint against every other policy that is searched for its worst", () => {
    assert.equal(pairs[1]?.bestOther.policy, "microBatchAndCheckpointing");
    near(summary.worstGain, -0.025);
  });

  it("says nothing of binding limits where there are none", () => {
    const { meanGainWhereBinding, meanGainOverPublished, largestGain, meanGainOver } = comparePolicies(loose);
    assert.equal(meanGainWhereBinding, undefined);
    assert.equal(meanGainOverPublished, undefined);
    assert.equal(largestGain, undefined);
    assert.deepEqual(meanGainOver, {});
  });

  it("refuses a pair of limits without a policy", () => {
    assert.throws(() => comparePolicies(loose.filter(({ policy }) => policy !== "freezing")), { code: "internal" });
  });
});

describe("chargedWindowMs()", () => {
  it("shares the probe among the windows", () => {
    assert.equal(chargedWindowMs(3000, 20_000, 10), 1000);
    assert.equal(chargedWindowMs(3000, 20_000, 0), -17_000);
  });
});
