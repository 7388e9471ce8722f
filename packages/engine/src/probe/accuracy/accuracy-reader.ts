import { type AccuracyJudge, labelFreeAccuracy, MpoError } from "@mpo/core";
import { accuracyOf } from "../../adaptation/evaluate.ts";
import { JUDGED } from "../../adaptation/send-samples.ts";
import type { ModelGraph } from "../../model/model-graph.ts";
import { headOf } from "../../model/model-head.ts";
import type { Samples } from "../../training/batches.ts";
import type { EngineWorker } from "../../worker/engine-worker.ts";
import { headDropout, predictionsOf } from "./head-dropout.ts";

const BATCH = 64;
const DROPOUT_RUNS = 10;
const SEED = 0;

/** Who judges the weights that a worker holds, and how. */
export interface AccuracyReader {
  readonly kind: AccuracyJudge;
  /** Accuracy of the weights that the worker holds now, 0 to 1. */
  read(): Promise<number>;
}

/**
 * Judges the weights that a worker holds: by labels where there are any, else by what dropout leaves of predictions
 * (AETTA, Lee et al. 2024). Confidence is not a measure here: entropy minimisation makes predictions surer, right or wrong,
 * and a model that has collapsed is the surest of all. `mostAtOnce`: samples that the worker's memory holds at once;
 * `isHeld`: it has been given these already. Undefined when there is nothing to judge by: neither labels nor a
 * dense layer whose features can be dropped.
 */
export function accuracyReader(
  worker: EngineWorker,
  graph: ModelGraph,
  { images, labels, count }: Samples,
  signal: AbortSignal,
  { mostAtOnce = BATCH, isHeld = false }: { readonly mostAtOnce?: number; readonly isHeld?: boolean } = {},
): AccuracyReader | undefined {
  const isLabelled = labels !== undefined;
  if (!isLabelled && headOf(graph).classifier === undefined) return undefined;
  const call = { signal };
  let isSent = isHeld;
  const read = async (): Promise<number> => {
    if (!isSent) await worker.setSamples(JUDGED, { images, count }, call);
    isSent = true;
    const request = { samples: JUDGED, batch: Math.min(BATCH, mostAtOnce), features: !isLabelled };
    const { logits, features } = await worker.call("evaluate", request, call);
    if (isLabelled) return accuracyOf(logits, labels);
    if (features === undefined) throw new MpoError("internal", "the worker gave no features");
    const weights = await worker.call("readWeights", {}, call);
    const runs = headDropout(graph, weights, { features, count }, { runs: DROPOUT_RUNS, seed: SEED });
    return labelFreeAccuracy(predictionsOf(logits, count), runs);
  };
  return { kind: isLabelled ? "labels" : "label-free", read };
}
