import assert from "node:assert/strict";
import { test } from "node:test";
import { servedDigest } from "./served-digest.ts";

const model = { name: "model.onnx", digest: "a".repeat(64) };
const reference = { name: "reference.npy", digest: "b".repeat(64) };
const norms = { name: "norms.safetensors", digest: "c".repeat(64) };
const card = { name: "model-card.json", digest: "d".repeat(64) };

test("what decides how a model is trained is part of its digest, and nothing else", () => {
  assert.equal(servedDigest(model, [model, card]), model.digest);
  const digests = [[reference], [norms], [norms, reference], [{ ...reference, digest: "e".repeat(64) }]].map((files) =>
    servedDigest(model, files),
  );
  assert.equal(new Set([model.digest, ...digests]).size, 5);
  assert.equal(servedDigest(model, [card, reference, model, norms]), digests[2]);
  const layers = { ...model, name: "model.json" };
  assert.equal(servedDigest(layers, [reference, norms]), layers.digest);
});
