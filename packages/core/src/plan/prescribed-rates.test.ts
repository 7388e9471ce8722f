import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveRetrainConfig, uniformFreezing } from "../facts/retrain-config.ts";
import { prescribedRates, withPrescribedRates } from "./prescribed-rates.ts";

void test("a method's rates hold where a config trains more, and the config's where it freezes more", () => {
  const half = resolveRetrainConfig({ microBatch: 8, freezing: uniformFreezing(0.5) });
  const of = (loss: string) => withPrescribedRates(half, loss).freezing;
  assert.deepEqual(of("tent"), { featureExtraction: 1, normalisation: 0.5, linear: 1 });
  assert.deepEqual(of("shot"), { featureExtraction: 0.5, normalisation: 0.5, linear: 1 });
  assert.deepEqual(of("crossEntropy"), half.freezing);
  assert.deepEqual(prescribedRates("of a later release"), {});
  assert.equal(withPrescribedRates(half, "tent").microBatch, 8);
});
