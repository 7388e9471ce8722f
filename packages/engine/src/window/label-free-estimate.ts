import type { Model } from "../model/model-graph.ts";
import { accuracyReader } from "../probe/accuracy/accuracy-reader.ts";
import type { Samples } from "../training/batches.ts";
import type { EngineWorker } from "../worker/engine-worker.ts";

/** Estimated accuracy on the drifted inputs, 0 to 1. */
export interface LabelFreeEstimate {
  readonly accuracyBefore: number;
  readonly accuracyAfter: number;
}

/** What the estimate is made from. */
export interface EstimateInput {
  readonly worker: EngineWorker;
  readonly model: Model;
  /** The weights that serve from now on: the model's own where the retrained ones were not accepted. */
  readonly weights: Model["weights"];
  /** The worker holds them, as `retrain` has left them. */
  readonly judgedOn: Samples;
  /** Of the config that ran: the worker's memory holds no more samples at once. */
  readonly microBatch: number;
  readonly signal: AbortSignal;
}

/**
 * Accuracy without labels of the drifted inputs, by the judge that also reads the curves of a probe, so that predicted
 * and reported are of one kind. A threshold of confidence set on source inputs (ATC) does not work: statistics of normalisation
 * that were adapted to the drifted inputs no longer fit the source. Undefined with labels, or where nothing can be dropped.
 */
export async function labelFreeEstimate(input: EstimateInput): Promise<LabelFreeEstimate | undefined> {
  const { worker, model, weights, judgedOn, microBatch, signal } = input;
  if (judgedOn.labels !== undefined) return undefined;
  const reader = accuracyReader(worker, model.graph, judgedOn, signal, { mostAtOnce: microBatch, isHeld: true });
  if (reader === undefined) return undefined;
  const estimate = async (assigned: Model["weights"]): Promise<number> => {
    await worker.assignWeights(assigned, { signal });
    return await reader.read();
  };
  const accuracyBefore = await estimate(model.weights);
  return { accuracyBefore, accuracyAfter: weights === model.weights ? accuracyBefore : await estimate(weights) };
}
