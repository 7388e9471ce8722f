import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GUARD_AT_START, watchEpoch } from "./training-guard.ts";

const CLASSES = 10;
const step = (loss: number, meanPredictionEntropy = 2.2) => ({ loss, meanPredictionEntropy });

describe("watchEpoch()", () => {
  it("lets a training go on that makes progress, with a negative loss too", () => {
    let state = GUARD_AT_START;
    for (const loss of [1, 0.5, -0.5, -1, -1.5]) {
      const verdict = watchEpoch(state, [step(loss)], CLASSES);
      assert.equal(verdict.stop, undefined);
      state = verdict.state;
    }
  });

  it("stops when the loss has not fallen for two epochs", () => {
    const first = watchEpoch(GUARD_AT_START, [step(1)], CLASSES);
    const second = watchEpoch(first.state, [step(1)], CLASSES);
    assert.equal(second.stop, undefined);
    assert.equal(watchEpoch(second.state, [step(1.1)], CLASSES).stop, "noProgress");
  });

  it("stops when the predictions collapse to one class", () => {
    const first = watchEpoch(GUARD_AT_START, [step(1), step(0.5)], CLASSES);
    assert.equal(watchEpoch(first.state, [step(0.2), step(0.01, 0.1)], CLASSES).stop, "collapsed");
    assert.equal(watchEpoch(GUARD_AT_START, [step(1), step(0.01, 0.1)], CLASSES).stop, "collapsed");
  });

  it("does not take a model for collapsed that named few classes from the start", () => {
    const first = watchEpoch(GUARD_AT_START, [step(1, 0.5), step(0.9, 0.45)], CLASSES);
    assert.equal(first.stop, undefined);
    assert.equal(watchEpoch(first.state, [step(0.8, 0.3)], CLASSES).stop, "collapsed");
  });

  it("stops when the loss is no number", () => {
    for (const loss of [Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.equal(watchEpoch(GUARD_AT_START, [step(1), step(loss)], CLASSES).stop, "diverged");
    }
  });
});
