import type { RetrainConfig } from "@mpo/core";
import type { AdaptationMethod } from "../window/method.ts";
import type { CallOptions, EngineWorker } from "../worker/engine-worker.ts";
import type { Retraining, RetrainOptions } from "./retrain.ts";
import { JUDGED } from "./send-samples.ts";

/** What every part of one retraining works with. */
export interface RetrainContext {
  readonly worker: EngineWorker;
  readonly retraining: Retraining;
  readonly method: AdaptationMethod;
  readonly config: RetrainConfig;
  readonly options: RetrainOptions;
  readonly call: Pick<CallOptions, "signal">;
}

const LARGEST_EVALUATION_BATCH = 128;

/** The worker's memory must hold an evaluation too: no more samples at once than in a step. */
export function evaluationBatch({ microBatch }: RetrainConfig): number {
  return Math.min(microBatch, LARGEST_EVALUATION_BATCH);
}

/** Logits of the worker's weights on the samples that a retraining is judged on. */
export async function evaluateJudged({ worker, config, call }: RetrainContext): Promise<Float32Array> {
  const request = { samples: JUDGED, batch: evaluationBatch(config), features: false };
  return (await worker.call("evaluate", request, call)).logits;
}
