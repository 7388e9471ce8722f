import { AccuracyReader, type EngineWorker, type Model, type RetrainResult, type Samples } from "@mpo/engine";

/** Estimated accuracy on the drifted inputs, 0 to 1. */
export interface LabelFreeEstimate {
  readonly before: number;
  readonly after: number;
}

/** What the estimate is made from. The worker holds the retrained model. */
export interface EstimateInput {
  readonly worker: EngineWorker;
  readonly model: Model;
  readonly result: RetrainResult;
  readonly judgedOn: Samples;
  readonly signal: AbortSignal;
}

/**
 * Accuracy without labels of the drifted inputs, by the judge that also reads the curves of a probe, so that predicted
 * and reported are of one kind. A threshold of confidence set on source inputs (ATC) is none: statistics of normalisation
 * that were adapted to the drifted inputs no longer fit the source. Undefined with labels, or where nothing can be dropped.
 */
export async function labelFreeEstimate(input: EstimateInput): Promise<LabelFreeEstimate | undefined> {
  const { worker, model, result, judgedOn, signal } = input;
  if (judgedOn.labels !== undefined) return undefined;
  const reader = AccuracyReader.of(worker, model.graph, judgedOn, signal);
  if (reader === undefined) return undefined;
  const estimate = async (weights: Model["weights"]): Promise<number> => {
    await worker.assignWeights(weights, { signal });
    return await reader.read();
  };
  const before = await estimate(model.weights);
  return { before, after: result.isAccepted ? await estimate(result.weights) : before };
}
