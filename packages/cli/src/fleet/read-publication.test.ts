import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { REFERENCE_FILE } from "@mpo/core";
import { encodeNpyImages, MODEL_CARD_FILE, ONNX_FILE } from "@mpo/datasets";
import { syntheticImages } from "@mpo/datasets/testing";
import { graphDigest, readModel, withNeutralNorms } from "@mpo/engine";
import { readPublication } from "./read-publication.ts";

const CASE = fileURLToPath(new URL("../../../engine/cases/onnx/mixed-script/model.onnx", import.meta.url));

test("a published model is known as devices train it: by reference inputs, with folded normalisations put back", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mpo-publication-"));
  const { signal } = new AbortController();
  const read = () => readPublication(folder, { name: "camera", version: 1 }, signal);
  try {
    await copyFile(CASE, join(folder, ONNX_FILE));
    await writeFile(join(folder, MODEL_CARD_FILE), JSON.stringify({ inputShape: [32, 32, 3] }));
    const folded = await read();
    const model = await readModel(folder);
    assert.equal(folded.manifest.graphDigest, graphDigest(model.graph));
    assert.match(folded.note ?? "", /3 convolutions have a bias/u);
    await writeFile(
      join(folder, REFERENCE_FILE),
      encodeNpyImages(syntheticImages({ count: 16, height: 32, width: 32, channels: 3, seed: 1 })),
    );
    const { manifest, note, chain } = await read();
    assert.equal(manifest.graphDigest, graphDigest(withNeutralNorms(model).graph));
    assert.notEqual(manifest.manifestDigest, folded.manifest.manifestDigest);
    assert.equal(note, undefined);
    assert.equal(chain.units.length, folded.chain.units.length);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
