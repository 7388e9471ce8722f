import { MpoError } from "@mpo/core";
import { type EngineWorker, evaluateAccuracy, type ModelWeights, type RetrainResult, type Samples } from "@mpo/engine";

/** Of the model as it was, and of what would serve from now on: the retrained one only where it was accepted. */
export function servedAccuracy({ accuracyBefore, accuracyAfter, isAccepted }: RetrainResult): {
  readonly accuracyBefore: number;
  readonly accuracyAfter: number;
} {
  if (accuracyBefore === undefined || accuracyAfter === undefined) {
    throw new MpoError("invalid-data", "accuracy needs labels; this data set has none");
  }
  return { accuracyBefore, accuracyAfter: isAccepted ? accuracyAfter : accuracyBefore };
}

/** Share of the samples, 0 to 1, that a worker's model with these weights names rightly, by their labels. */
export async function accuracyWith(
  worker: EngineWorker,
  weights: ModelWeights,
  samples: Samples,
  signal: AbortSignal,
): Promise<number> {
  await worker.assignWeights(weights, { signal });
  return await evaluateAccuracy(worker, samples, { signal });
}
