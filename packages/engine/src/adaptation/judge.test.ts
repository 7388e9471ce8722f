import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isBetterStart, judge } from "./judge.ts";

const labels = Int32Array.of(0, 1, 1);
const right = Float32Array.of(2, 0, 0, 2, 0, 2);
const oneWrong = Float32Array.of(2, 0, 0, 2, 2, 0);
const allFirst = Float32Array.of(9, 0, 9, 0, 9, 0);

const whole = (logits: Float32Array) => [{ share: 1, logits }];

describe("judge()", () => {
  it("accepts what is not worse, by labels", () => {
    const better = judge(oneWrong, whole(right), { labels, count: 3 });
    assert.equal(better.isAccepted, true);
    assert.equal(better.accuracyAfter, 1);
    assert.equal(better.reason, "accuracy 66.7 % before, 100.0 % after");
    assert.equal(judge(right, whole(right), { labels, count: 3 }).isAccepted, true);
  });

  it("takes the most accurate part of the way, by labels", () => {
    const candidates = [...whole(oneWrong), { share: 0.5, logits: right }];
    const half = judge(oneWrong, candidates, { labels, count: 3 });
    assert.equal(half.share, 0.5);
    assert.equal(half.reason, "accuracy 66.7 % before, 100.0 % after (50.0 % of the change)");
    assert.equal(judge(oneWrong, whole(oneWrong), { labels, count: 3 }).share, 1);
  });

  it("rejects what is worse, and says so", () => {
    const worse = judge(right, whole(oneWrong), { labels, count: 3 });
    assert.deepEqual([worse.isAccepted, worse.share], [false, 0]);
    assert.match(worse.reason, /^worse: /u);
  });

  it("goes by what predictions say of the samples without labels", () => {
    const unsure = right.map((logit) => logit / 4);
    const surer = judge(unsure, whole(right), { count: 3 });
    assert.deepEqual([surer.isAccepted, surer.share], [true, 1]);
    assert.equal(surer.reason, "its answers tell 1.3 classes apart, before 1.0");
    assert.equal(surer.accuracyBefore, undefined);
    const collapsed = judge(right, whole(allFirst), { count: 3 });
    assert.deepEqual([collapsed.isAccepted, collapsed.share], [false, 0]);
    assert.equal(collapsed.reason, "worse: its answers tell 1.0 classes apart, before 1.3");
  });

  it("changes no more than it must without labels", () => {
    const nearlyAsSure = right.map((logit) => 0.98 * logit);
    assert.equal(judge(right, whole(nearlyAsSure), { count: 3 }).isAccepted, true, "as good as before");
    const candidates = [...whole(right), { share: 0.25, logits: allFirst }, { share: 0.5, logits: nearlyAsSure }];
    const chosen = judge(allFirst, candidates, { count: 3 });
    assert.equal(chosen.share, 0.5, "half the way gives nearly all, a quarter nothing");
    assert.match(chosen.reason, /\(50\.0 % of the change\)$/u);
  });

  it("rejects outputs that are not numbers", () => {
    const notNumbers = Float32Array.of(1, Number.NaN, 0, 0, 0, 0);
    const broken = judge(right, whole(notNumbers), { labels, count: 3 });
    assert.deepEqual([broken.isAccepted, broken.share], [false, 0]);
    assert.equal(broken.accuracyBefore, 1);
    assert.equal(broken.accuracyAfter, undefined);
    const candidates = [...whole(notNumbers), { share: 0.5, logits: right }];
    assert.equal(judge(allFirst, candidates, { count: 3 }).share, 0.5, "a part of the way may still be sound");
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
