import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Prediction, resolveRetrainConfig } from "@mpo/core";
import fc from "fast-check";
import { windowLength } from "./window-length.ts";

const OVERHEAD_MS = 200;

function trainingMs(leftMs: number): number {
  return leftMs - OVERHEAD_MS;
}

type Predicted = Pick<Prediction, "config" | "stepMs" | "overheadMs" | "stepsInWindow" | "accuracy">;

function predicted(stepsInWindow: number, steps: number, expected: number = 100, microBatch: number = 16): Predicted {
  return {
    config: resolveRetrainConfig({ microBatch, accumulation: 4 }),
    stepMs: { expected, upper: 1.2 * expected },
    overheadMs: OVERHEAD_MS,
    stepsInWindow,
    accuracy: { expected: 0.5, lower: 0.4, upper: 0.6, steps, isGuess: false },
  };
}

describe("windowLength()", () => {
  const cases = [
    { what: "whole epochs nearest to the best stop", window: 100, best: 11, samples: 256, is: [256, 3, 12] },
    { what: "no more steps than fit, the last epoch cut short", window: 9, best: 100, samples: 256, is: [256, 3, 9] },
    { what: "all that fits before the best stop", window: 5, best: 5, samples: 256, is: [256, 2, 5] },
    { what: "no part of an epoch after the best stop", window: 9, best: 8, samples: 256, is: [256, 2, 8] },
    { what: "fewer samples where not one epoch fits", window: 3, best: 100, samples: 256, is: [192, 1, 3] },
    { what: "a last step that is not full", window: 100, best: 4, samples: 200, is: [200, 1, 4] },
    { what: "one epoch at least", window: 100, best: 0, samples: 64, is: [64, 1, 1] },
    { what: "what fits the time that is left", window: 100, best: 40, samples: 100, leftMs: 690, is: [100, 2, 4] },
    { what: "fewer samples in little time", window: 100, best: 40, samples: 200, leftMs: 501, is: [192, 1, 3] },
  ] as const;
  for (const { what, window, best, samples, is, ...time } of cases) {
    it(what, () => {
      const length = windowLength(predicted(window, best), samples, "leftMs" in time ? time.leftMs : undefined);
      assert.deepEqual([length?.count, length?.epochs, length?.steps], is);
    });
  }

  it("is none where no step fits", () => {
    assert.equal(windowLength(predicted(0, 10), 100), undefined);
    assert.equal(windowLength(predicted(10, 10), 100, 299), undefined);
    assert.notEqual(windowLength(predicted(10, 10), 100, 300), undefined);
  });

  it("keeps its window by prediction, trains where a step fits, and stops at the epoch nearest to the best or with the window", () => {
    fc.assert(
      fc.property(
        fc.record({
          stepsInWindow: fc.nat(2_000),
          best: fc.nat(3_000),
          ms: fc.double({ min: 0, max: 5_000, noNaN: true }),
          microBatch: fc.integer({ min: 1, max: 64 }),
          samples: fc.integer({ min: 1, max: 5_000 }),
          leftMs: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.double({ min: 0, max: 600_000, noNaN: true })),
        }),
        ({ stepsInWindow, best, ms, microBatch, samples, leftMs }) => {
          const rung = predicted(stepsInWindow, best, ms, microBatch);
          const length = windowLength(rung, samples, leftMs);
          // No step is taken to be shorter.
          const stepMs = Math.max(1e-3, ms);
          const oneFits = stepsInWindow >= 1 && stepMs <= trainingMs(leftMs);
          assert.equal(length !== undefined, oneFits);
          if (length === undefined) return;
          const { count, epochs, steps } = length;
          assert.ok(steps >= 1 && steps <= stepsInWindow);
          assert.ok(steps * stepMs <= trainingMs(leftMs) * (1 + 1e-9));
          assert.ok(count >= 1 && count <= samples && epochs >= 1);
          const perEpoch = Math.ceil(count / (4 * microBatch));
          assert.equal(epochs, Math.ceil(steps / perEpoch));
          if (count < samples) assert.equal(epochs, 1);
          // One more step does not fit where an epoch was cut short.
          const oneMore = steps + 1;
          const isFull = oneMore > stepsInWindow || oneMore * stepMs > trainingMs(leftMs) * (1 - 1e-9);
          assert.ok(steps === epochs * perEpoch || isFull);
          // Any other number of epochs is further from the best, or does not fit.
          for (const other of [epochs - 1, epochs + 1]) {
            if (isFull || other < 1) continue;
            assert.ok(Math.abs(other * perEpoch - best) >= Math.abs(steps - best));
          }
        },
      ),
    );
  });
});
