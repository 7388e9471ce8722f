import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { resolveRetrainConfig } from "@mpo/core";
import { adaptationMethod, configForMethod, learningRateFor } from "./adaptation-method.ts";

describe("configForMethod()", () => {
  const half = resolveRetrainConfig({ freezing: { featureExtraction: 0.5, normalisation: 0.5, linear: 0.5 } });

  const cases = [
    { method: "tent", freezing: { featureExtraction: 1, normalisation: 0.5, linear: 1 } },
    { method: "shot", freezing: { featureExtraction: 0.5, normalisation: 0.5, linear: 1 } },
    { method: "crossEntropy", freezing: { featureExtraction: 0.5, normalisation: 0.5, linear: 0.5 } },
  ] as const;
  for (const { method, freezing } of cases) {
    it(`freezes what ${method} never trains, and keeps the rest of the config`, () => {
      assert.deepEqual(configForMethod(half, adaptationMethod(method)), { ...half, freezing });
    });
  }
});

describe("learningRateFor()", () => {
  it("follows the batch", () => {
    const tent = adaptationMethod("tent");
    assert.equal(learningRateFor(tent, 256), tent.learningRate);
    assert.equal(learningRateFor(tent, 64), tent.learningRate / 4);
  });
});
