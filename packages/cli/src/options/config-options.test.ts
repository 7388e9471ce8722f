import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configFrom } from "./config-options.ts";

describe("configFrom()", () => {
  it("takes the whole batch at once unless told otherwise", () => {
    assert.deepEqual(configFrom({ batch: 64 }), {
      microBatch: 64,
      accumulation: 1,
      freezing: { featureExtraction: 0, normalisation: 0, linear: 0 },
      checkpoints: { kind: "none" },
    });
  });

  it("lets a rate for one class of layers win over the rate for all", () => {
    const { freezing } = configFrom({ batch: 8, freeze: 0.5, freezeNorm: 0, freezeLinear: 1 });
    assert.deepEqual(freezing, { featureExtraction: 0.5, normalisation: 0, linear: 1 });
  });

  it("takes names of layers, which count beside the rates", () => {
    const { freezing } = configFrom({ batch: 8, freezeLinear: 1, trainLayers: ["stem_conv", "head"] });
    assert.deepEqual(freezing, {
      ...{ featureExtraction: 0, normalisation: 0, linear: 1 },
      onlyLayers: ["stem_conv", "head"],
    });
  });

  it("reads both ways to say checkpoints, and refuses them together", () => {
    assert.deepEqual(configFrom({ batch: 8, segments: 4 }).checkpoints, { kind: "uniform", segments: 4 });
    assert.deepEqual(configFrom({ batch: 8, segments: 1 }).checkpoints, { kind: "none" });
    assert.deepEqual(configFrom({ batch: 8, checkpoints: [0, 3] }).checkpoints, { kind: "boundaries", at: [0, 3] });
    assert.throws(() => configFrom({ batch: 8, segments: 2, checkpoints: [1] }), { code: "invalid-argument" });
  });

  it("refuses a micro-batch that does not divide the batch", () => {
    assert.equal(configFrom({ batch: 256, microBatch: 32 }).accumulation, 8);
    assert.throws(() => configFrom({ batch: 256, microBatch: 48 }), { code: "invalid-argument", message: /48/u });
  });
});
