import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Prediction, resolveRetrainConfig } from "@mpo/core";
import { windowLength } from "./window-length.ts";

const config = resolveRetrainConfig({ microBatch: 16, accumulation: 4 });

function predicted(stepsInWindow: number, steps: number): Pick<Prediction, "config" | "stepsInWindow" | "accuracy"> {
  return { config, stepsInWindow, accuracy: { expected: 0.5, lower: 0.4, upper: 0.6, steps } };
}

describe("windowLength()", () => {
  const cases = [
    { what: "whole epochs nearest to the best stop", window: 100, best: 11, samples: 256, is: [256, 3, 12] },
    { what: "no more epochs than fit", window: 9, best: 100, samples: 256, is: [256, 2, 8] },
    { what: "fewer samples where not one epoch fits", window: 3, best: 100, samples: 256, is: [192, 1, 3] },
    { what: "a last step that is not full", window: 100, best: 4, samples: 200, is: [200, 1, 4] },
    { what: "one epoch at least", window: 100, best: 0, samples: 64, is: [64, 1, 1] },
  ] as const;
  for (const { what, window, best, samples, is } of cases) {
    it(what, () => {
      const { count, epochs, steps } = windowLength(predicted(window, best), samples);
      assert.deepEqual([count, epochs, steps], is);
    });
  }
});
