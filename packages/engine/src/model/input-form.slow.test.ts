import assert from "node:assert/strict";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { resolveRetrainConfig } from "@mpo/core";
import { type InputForm, MODEL_CARD_FILE, readNpy } from "@mpo/datasets";
import { evaluateLogits, predictedClasses } from "../adaptation/evaluate.ts";
import { softmaxRows } from "../adaptation/probabilities.ts";
import { retrain } from "../adaptation/retrain.ts";
import { withFolder } from "../test-support/layers-format-testing.ts";
import type { Samples } from "../training/batches.ts";
import { EngineWorker } from "../worker/engine-worker.ts";
import { readLayersModel } from "./layers-format/read-layers-model.ts";
import type { Model } from "./model-graph.ts";

/** Models of Keras that were trained on -1..1 and on 0..255, with what Keras' `predict` gives for values of that kind. */
const CASES = fileURLToPath(new URL("../../cases/models/", import.meta.url));

const cases: readonly (readonly [string, InputForm, (value: number) => number])[] = [
  ["pm1", { range: "symmetric" }, (value) => (value + 1) / 2],
  ["raw255", { range: "bytes" }, (value) => value / 255],
  ["pm1", { range: { mean: [0.2, 0.2, 0.2], deviation: [0.5] } }, (value) => value * 0.5 + 0.2],
];
for (const [name, input, toUnit] of cases) {
  test(`${name} gives what Keras does for images of 0..1, and learns the same, once its card states its input`, () =>
    withFolder(async (folder) => {
      await cp(join(CASES, name), folder, { recursive: true });
      await writeFile(join(folder, MODEL_CARD_FILE), JSON.stringify({ input }));
      const stated = await readLayersModel(join(folder, "model.json"));
      const plain = await readLayersModel(join(CASES, name, "model.json"));
      const [x, y] = await Promise.all(["x.npy", "y.npy"].map((file) => readNpy(join(folder, file))));
      const own = Float32Array.from(x!.data as Float32Array);
      const answers = y!.data as Float32Array;
      const labels = predictedClasses(answers, 4);
      const unit = { images: own.map(toUnit), labels, count: 4 };
      await using worker = await EngineWorker.start({ environment: process.env, threads: 1 });
      await worker.load(plain);
      await worker.load(stated);
      assertClose(softmaxRows(await evaluateLogits(worker, unit), 4), answers);
      const learn = async (model: Model, samples: Samples): Promise<Float32Array> => {
        const config = resolveRetrainConfig({ microBatch: 2, accumulation: 2 });
        const task = { model, samples, method: "crossEntropy", config, epochs: 2, seed: 1 } as const;
        const { weights, isAccepted, reason } = await retrain(worker, task);
        assert.ok(isAccepted, reason);
        return Float32Array.from([...weights.values()].flatMap((values) => [...values]));
      };
      assertClose(await learn(stated, unit), await learn(plain, { images: own, labels, count: 4 }));
    }));
}

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  assert.equal(actual.length, expected.length);
  for (let index = 0; index < actual.length; index++) {
    const [found, wanted] = [actual[index]!, expected[index]!];
    assert.ok(
      Math.abs(found - wanted) <= 1e-4 * Math.max(1, Math.abs(wanted)),
      `element ${index}: ${found}, ${wanted}`,
    );
  }
}
