import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isBetterStart, judge } from "./judge.ts";

const labels = Int32Array.of(0, 1, 1);
const right = Float32Array.of(2, 0, 0, 2, 0, 2);
const oneWrong = Float32Array.of(2, 0, 0, 2, 2, 0);
const allFirst = Float32Array.of(9, 0, 9, 0, 9, 0);

describe("judge()", () => {
  it("accepts what is not worse, by labels", () => {
    const better = judge(oneWrong, right, { labels, count: 3 });
    assert.equal(better.isAccepted, true);
    assert.equal(better.accuracyAfter, 1);
    assert.match(better.reason, /66\.7 % before, 100\.0 % after/u);
    assert.equal(judge(right, right, { labels, count: 3 }).isAccepted, true);
  });

  it("rejects what is worse, and says so", () => {
    const worse = judge(right, oneWrong, { labels, count: 3 });
    assert.equal(worse.isAccepted, false);
    assert.match(worse.reason, /^worse: /u);
  });

  it("goes by the diversity of predictions without labels", () => {
    assert.equal(judge(right, oneWrong, { count: 3 }).isAccepted, true);
    const collapsed = judge(right, allFirst, { count: 3 });
    assert.equal(collapsed.isAccepted, false);
    assert.match(collapsed.reason, /collapsed/u);
    assert.equal(collapsed.accuracyBefore, undefined);
  });

  it("rejects outputs that are not numbers", () => {
    const broken = judge(right, Float32Array.of(1, Number.NaN, 0, 0, 0, 0), { labels, count: 3 });
    assert.equal(broken.isAccepted, false);
    assert.equal(broken.accuracyBefore, 1);
    assert.equal(broken.accuracyAfter, undefined);
  });
});

describe("isBetterStart()", () => {
  it("goes by labels, else by what the predictions say of the samples", () => {
    assert.equal(isBetterStart(oneWrong, right, { labels, count: 3 }), true);
    assert.equal(isBetterStart(right, right, { labels, count: 3 }), false);
    const unsure = right.map((logit) => logit / 4);
    assert.equal(isBetterStart(unsure, right, { count: 3 }), true);
    assert.equal(isBetterStart(right, unsure, { count: 3 }), false);
    assert.equal(isBetterStart(right, allFirst, { count: 3 }), false, "sure, but of one class");
    assert.equal(isBetterStart(right, Float32Array.of(1, Number.NaN, 0, 0, 0, 0), { count: 3 }), false);
  });
});
