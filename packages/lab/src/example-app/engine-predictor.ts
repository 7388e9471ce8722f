import { join } from "node:path";
import { given } from "@mpo/core";
import { EngineWorker, evaluateLogits, MODEL_FILE, readLayersModel } from "@mpo/engine";
import type { Predictor } from "./serving-app.ts";

/** A predictor that runs a model in a worker of the engine, kept from the system's memory killer. */
export async function enginePredictor(
  modelFolder: string,
  environment: Readonly<Record<string, string | undefined>>,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<Predictor> {
  const call = given({ signal });
  const model = await readLayersModel(join(modelFolder, MODEL_FILE), call);
  const worker = await EngineWorker.start({ environment, threads: 1, oomScoreAdjust: 0 }, call);
  try {
    await worker.load(model, call);
  } catch (thrown) {
    await worker.close();
    throw thrown;
  }
  return {
    predict: async ({ images, count }) => softmax(await evaluateLogits(worker, { images, count }, call), count),
    close: () => worker.close(),
  };
}

/** Rows of logits as probabilities. */
function softmax(logits: Float32Array, count: number): Float32Array {
  const classes = logits.length / count;
  const result = new Float32Array(logits.length);
  for (let row = 0; row < count; row++) {
    const values = logits.subarray(row * classes, (row + 1) * classes);
    const largest = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const powers = values.map((value) => Math.exp(value - largest));
    const sum = powers.reduce((total, value) => total + value, 0);
    result.set(
      powers.map((value) => value / sum),
      row * classes,
    );
  }
  return result;
}
