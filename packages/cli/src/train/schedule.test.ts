import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defaultPeakRate, oneCycleRate, trainingPieces } from "./schedule.ts";

describe("oneCycleRate()", () => {
  it("rises to its peak and falls to nothing", () => {
    const rates = Array.from({ length: 101 }, (_, index) => oneCycleRate(1, index / 100));
    assert.equal(rates.indexOf(Math.max(...rates)), 20);
    assert.ok(Math.abs((rates[20] as number) - 1) < 1e-12);
    assert.ok((rates[0] as number) > 0 && Math.abs(rates[100] as number) < 1e-12);
    for (let index = 1; index <= 100; index++) {
      const rises = (rates[index] as number) > (rates[index - 1] as number);
      assert.equal(rises, index <= 20, `at ${index} %`);
    }
  });

  it("has a peak that follows the batch", () => {
    assert.equal(defaultPeakRate(128), 0.1);
    assert.equal(defaultPeakRate(32), 0.025);
  });
});

describe("trainingPieces()", () => {
  it("are the epochs", () => {
    assert.deepEqual(trainingPieces(2, 5, 0), [
      { epoch: 0, firstStep: 0, steps: 5 },
      { epoch: 1, firstStep: 5, steps: 5 },
    ]);
  });

  it("begin with what is left of an interrupted epoch", () => {
    assert.deepEqual(trainingPieces(3, 5, 7), [
      { epoch: 1, firstStep: 7, steps: 3 },
      { epoch: 2, firstStep: 10, steps: 5 },
    ]);
    assert.deepEqual(trainingPieces(2, 5, 10), []);
  });
});
