import { given } from "@mpo/core";
import { EngineWorker, evaluateLogits, readLayersModel, softmaxRows } from "@mpo/engine";
import type { Predictor } from "./serving-app.ts";

/** A predictor that runs a model in a worker of the engine, kept from the system's memory killer. */
export async function enginePredictor(
  modelFolder: string,
  environment: Readonly<Record<string, string | undefined>>,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<Predictor> {
  const call = given({ signal });
  const model = await readLayersModel(modelFolder, call);
  const worker = await EngineWorker.start({ environment, threads: 1, oomScoreAdjust: 0 }, call);
  try {
    await worker.load(model, call);
  } catch (thrown) {
    await worker.close();
    throw thrown;
  }
  return {
    predict: async ({ images, count }) =>
      Float32Array.from(softmaxRows(await evaluateLogits(worker, { images, count }, call), count)),
    close: () => worker.close(),
  };
}
