import type { MethodName, RetrainConfig } from "@mpo/core";
import type { Model, ModelWeights } from "../model/model-graph.ts";
import type { Samples } from "../training/batches.ts";
import type { StepReport } from "../training/train-loop.ts";
import type { AdaptationMethod } from "../window/method.ts";
import type { CallOptions, EngineWorker } from "../worker/engine-worker.ts";
import { JUDGED } from "./send-samples.ts";
import type { StopReason } from "./training-guard.ts";

export interface Retraining {
  readonly model: Model;
  /** Drifted samples to adapt to. Labels are used by `crossEntropy` alone. */
  readonly samples: Samples;
  /** Samples on which the result is judged, with labels if there are any; default: `samples`. */
  readonly judgedOn?: Samples;
  /** Nobody needs the samples' images afterwards: they are freed as soon as the worker has them. Default: they stay. */
  readonly isLastUse?: boolean | undefined;
  readonly method: MethodName;
  readonly config: RetrainConfig;
  readonly epochs: number;
  /** Steps at most, over all epochs: the last may be cut short. Default: those of all epochs. */
  readonly mostSteps?: number;
  readonly seed: number;
  /** Default: the method's, in proportion to the effective batch. */
  readonly learningRate?: number;
  /** Weights to train from, where the samples speak for them (`isBetterStart`). Default: the model's own. */
  readonly start?: ModelWeights | undefined;
  /**
   * Weights that the model was delivered with, where others serve now: it is drawn back to them where the method does that,
   * trained from them where what serves says less of the samples than they (it has collapsed, or fits another drift), and held
   * against them (`baseWeights`).
   */
  readonly source?: ModelWeights | undefined;
  /** Samples from before any drift, for a method with an anchor. */
  readonly reference?: Samples | undefined;
  /**
   * Wall time for all of it, milliseconds: training stops in time for the result to be judged ("outOfTime"), and what was
   * learned until then counts. At least one step is made. Default: no limit.
   */
  readonly maxMs?: number;
}

export interface RetrainOptions {
  readonly signal?: AbortSignal;
  /** After each step, with steps counted over all epochs. */
  readonly onProgress?: (report: StepReport, totalSteps: number) => void;
}

/** What every part of one retraining works with. */
export interface RetrainContext {
  readonly worker: EngineWorker;
  readonly retraining: Retraining;
  readonly method: AdaptationMethod;
  readonly config: RetrainConfig;
  readonly options: RetrainOptions;
  readonly call: Pick<CallOptions, "signal">;
}

/** What a training came to. */
export interface Trained {
  /** Undefined: no epoch of it went well. */
  readonly weights: ModelWeights | undefined;
  readonly stopped: StopReason;
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
