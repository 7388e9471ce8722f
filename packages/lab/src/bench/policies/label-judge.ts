import { EngineWorker, evaluateAccuracy, type Model, type ModelWeights, type Samples } from "@mpo/engine";

/** Accuracy by labels, in a process of its own: a judge's large batches do not count towards the runs' limits. */
export interface LabelJudge extends AsyncDisposable {
  /** Share of the samples, 0 to 1, that a model with these weights names rightly. */
  accuracy(weights: ModelWeights, samples: Samples): Promise<number>;
}

/** A judge of models of this graph. Dispose of it: it is a process. */
export async function startJudge(
  model: Model,
  options: { readonly environment: Readonly<Record<string, string | undefined>>; readonly threads?: number },
  signal: AbortSignal,
): Promise<LabelJudge> {
  const worker = await EngineWorker.start(options, { signal });
  try {
    await worker.load({ ...model }, { signal });
  } catch (error) {
    await worker.close();
    throw error;
  }
  return {
    accuracy: async (weights, samples) => {
      await worker.assignWeights(weights, { signal });
      return await evaluateAccuracy(worker, samples, { signal });
    },
    [Symbol.asyncDispose]: () => worker.close(),
  };
}
