import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../test-support/layers-format-testing.ts";
import { MODEL_CARD_FILE, type ModelCard, readModelCard, writeModelCard } from "./model-card.ts";

const CARD: ModelCard = {
  model: "resnet20",
  norm: "group",
  inputShape: [28, 28, 1],
  classes: 10,
  trainingCommand: "mpo train --model resnet20 --seed 1",
  seed: 1,
  accuracy: { clean: 0.93, corruptions: { gaussian_noise: 0.41, fog: 0.6 } },
};

void test("a card comes back as it was", () =>
  withFolder(async (folder) => {
    await writeModelCard(folder, CARD);
    await writeModelCard(folder, { ...CARD, seed: 2 });
    assert.deepEqual(await readModelCard(folder), { ...CARD, seed: 2 });
    assert.deepEqual(await readdir(folder), [MODEL_CARD_FILE]);
  }));

void test("bad cards are refused", () =>
  withFolder(async (folder) => {
    await assert.rejects(readModelCard(folder), { code: "not-found" });
    await assert.rejects(writeModelCard(join(folder, "nowhere"), CARD), { code: "not-found" });
    const accuracy = { clean: 93, corruptions: {} };
    await assert.rejects(writeModelCard(folder, { ...CARD, accuracy }), {
      code: "invalid-argument",
      message: /model card: at accuracy\.clean/,
    });
    await writeFile(join(folder, MODEL_CARD_FILE), JSON.stringify({ ...CARD, norm: "layer" }));
    await assert.rejects(readModelCard(folder), { code: "invalid-data", message: /model-card\.json: at norm/ });
    await assert.rejects(readModelCard(folder, { signal: AbortSignal.abort() }), { code: "cancelled" });
  }));
