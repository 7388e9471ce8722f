import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { describeConfig, resolveRetrainConfig } from "@mpo/core";
import { MODEL_CARD_FILE } from "@mpo/datasets";
import { withFolder } from "../test-support/layers-format-testing.ts";
import { type ModelCard, readModelCard, retrainedCard, writeModelCard } from "./model-card.ts";
import { buildModel } from "./zoo/build-model.ts";

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

void test("a retrained model has a card of its own", () => {
  const graph = buildModel({ model: "resnet20", norm: "group", inputShape: [28, 28, 1], classes: 10 });
  const source = { ...CARD, classNames: [..."abcdefghij"] };
  const config = resolveRetrainConfig({ microBatch: 8, accumulation: 2 });
  const gained = { accuracyBefore: 0.4, accuracyAfter: 0.6, judgement: "labels" } as const;
  const card = retrainedCard(CARD, graph, {
    classNames: source.classNames,
    ...{ from: "/models/source", method: "tent", images: "fog:5", command: "mpo retrain", seed: 7, config, steps: 3 },
    ...{ ...gained, accuracy: { clean: 0.9, corruptions: { fog: 0.6 } } },
  });
  const { retrained, ...rest } = card;
  const own = { trainingCommand: "mpo retrain", seed: 7, accuracy: { clean: 0.9, corruptions: { fog: 0.6 } } };
  assert.deepEqual(rest, { ...source, ...own });
  assert.deepEqual(retrained, {
    ...{ from: "/models/source", fromCommand: CARD.trainingCommand, method: "tent", images: "fog:5", steps: 3 },
    ...{ config: describeConfig(config), ...gained },
  });
});
