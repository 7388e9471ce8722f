import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { METHOD_NAMES, resolveRetrainConfig, withPrescribedRates } from "@mpo/core";
import { learningRateFor, methodNamed } from "./method.ts";

describe("methodNamed()", () => {
  const half = resolveRetrainConfig({ freezing: { featureExtraction: 0.5, normalisation: 0.5, linear: 0.5 } });

  const cases = [
    { method: "tent", freezing: { featureExtraction: 1, normalisation: 0.5, linear: 1 } },
    { method: "shot", freezing: { featureExtraction: 0.5, normalisation: 0.5, linear: 1 } },
    { method: "crossEntropy", freezing: { featureExtraction: 0.5, normalisation: 0.5, linear: 0.5 } },
  ] as const;
  for (const { method, freezing } of cases) {
    it(`freezes what ${method} never trains, and keeps the rest of the config`, () => {
      assert.deepEqual(withPrescribedRates(half, methodNamed(method).loss), { ...half, freezing });
    });
  }

  it("knows each loss, and refuses other names", () => {
    assert.deepEqual(
      METHOD_NAMES.map((name) => methodNamed(name).loss),
      METHOD_NAMES,
    );
    for (const name of ["magic", "", "constructor"]) {
      assert.throws(() => methodNamed(name), { code: "invalid-argument", message: /is unknown; expected norm, tent/u });
    }
  });
});

describe("learningRateFor()", () => {
  it("follows the batch", () => {
    const tent = methodNamed("tent");
    assert.equal(learningRateFor(tent, 256), tent.learningRate);
    assert.equal(learningRateFor(tent, 64), tent.learningRate / 4);
  });
});
