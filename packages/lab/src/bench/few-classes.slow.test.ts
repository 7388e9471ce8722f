import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { loadModel } from "@mpo/cli";
import { resolveRetrainConfig } from "@mpo/core";
import { corrupt, fashionMnistFolder, type ImageSet, loadFashionMnist, takeImages } from "@mpo/datasets";
import { EngineWorker, type Model, type RetrainResult, retrain } from "@mpo/engine";
import { bundledModel } from "../product-files.ts";

const FOLDER = fashionMnistFolder(process.env, homedir());
const hasData = existsSync(join(FOLDER, "t10k-labels-idx1-ubyte.gz"));
const COUNT = 256;
const signal = new AbortController().signal;

describe("a window", { skip: hasData ? false : "no Fashion-MNIST" }, () => {
  let source: Model;
  let images: ImageSet;
  before(async () => {
    source = await loadModel(bundledModel("resnet20-bn"), signal);
    images = await loadFashionMnist(FOLDER, "test");
  });

  async function adapted(classes: readonly number[]): Promise<RetrainResult> {
    const own = Array.from({ length: images.count }, (_, at) => at).filter((at) =>
      classes.includes(images.labels?.[at] ?? -1),
    );
    const drifted = await corrupt(takeImages(images, own.slice(0, COUNT)), "impulse_noise", 5, 1);
    await using worker = await EngineWorker.start({ environment: process.env }, { signal });
    const samples = { images: drifted.images, count: drifted.count };
    const config = resolveRetrainConfig({ microBatch: 64 });
    return await retrain(worker, { model: source, samples, method: "eta", config, epochs: 1, seed: 1 }, { signal });
  }

  it("of few classes is left alone: what is learned of it is wrong for all others", async () => {
    const { isAccepted, reason, weights } = await adapted([1, 9]);
    assert.equal(isAccepted, false, reason);
    assert.match(reason, /few classes/u);
    assert.equal(weights, source.weights);
  });

  it("of all classes is adapted to", async () => {
    const { isAccepted, reason } = await adapted([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal(isAccepted, true, reason);
  });
});
