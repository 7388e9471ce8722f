import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveRetrainConfig, uniformFreezing } from "../facts/retrain-config.ts";
import { ChainBuilder } from "../test-support/chain-builder.ts";
import { tinyChain } from "../test-support/tiny-chain.ts";
import { prescribedRates, requireTrainable, withPrescribedRates } from "./prescribed-rates.ts";

void test("a method's rates hold where a config trains more, and the config's where it freezes more", () => {
  const half = resolveRetrainConfig({ microBatch: 8, freezing: uniformFreezing(0.5) });
  const of = (loss: string) => withPrescribedRates(half, loss).freezing;
  assert.deepEqual(of("tent"), { featureExtraction: 1, normalisation: 0.5, linear: 1 });
  assert.deepEqual(of("shot"), { featureExtraction: 0.5, normalisation: 0.5, linear: 1 });
  assert.deepEqual(of("crossEntropy"), half.freezing);
  assert.deepEqual(prescribedRates("of a later release"), {});
  assert.equal(withPrescribedRates(half, "tent").microBatch, 8);
  const named = { ...half, freezing: { ...half.freezing, onlyLayers: ["stem"] } };
  assert.deepEqual(withPrescribedRates(named, "shot").freezing.onlyLayers, ["stem"]);
});

void test("a model of which a method trains nothing is refused with the methods that do train it", () => {
  const builder = new ChainBuilder(48);
  builder.conv(64, 108);
  builder.flatten();
  builder.dense(12, 96);
  builder.endUnit("all");
  const plain = builder.build("plain");
  for (const method of ["tent", "shot", "crossEntropy"]) requireTrainable(tinyChain(), method, "tiny");
  for (const method of ["shot", "crossEntropy"]) requireTrainable(plain, method, "plain");
  assert.throws(() => requireTrainable(plain, "tent", "plain"), {
    code: "invalid-argument",
    message: "plain has nothing that tent trains (frozen: all convolutions and all dense layers)",
    hint: "Use a method that trains other layers: shot or crossEntropy.",
  });
});
