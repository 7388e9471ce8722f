import { type AccuracyJudge, given, MpoError, type Prediction, planStep } from "@mpo/core";
import { collectGarbage } from "@mpo/io";
import { type RetrainResult, retrain } from "../adaptation/retrain.ts";
import type { Retraining } from "../adaptation/retrain-context.ts";
import { chainOf } from "../compiler/chain-of.ts";
import { stepMemoryFacts } from "../compiler/memory-facts.ts";
import { poolCapFor } from "../probe/pool-cap.ts";
import { firstSamples } from "../training/batches.ts";
import type { StepReport } from "../training/train-loop.ts";
import { EngineWorker, type WorkerOptions } from "../worker/engine-worker.ts";
import { labelFreeEstimate } from "./label-free-estimate.ts";
import { methodNamed } from "./method.ts";
import { windowLength } from "./window-length.ts";

export interface RungTraining
  extends Pick<
    Retraining,
    "model" | "samples" | "method" | "seed" | "learningRate" | "start" | "source" | "reference" | "isLastUse"
  > {
  readonly rung: Prediction;
  /** Samples on which the result is judged, with labels if there are any. */
  readonly judgedOn: Retraining["samples"];
  /** What a step may add to the idle process: becomes the hard limit of the worker's allocator. */
  readonly memoryBytes: number;
  /** Wall time for all of it; default: as long as the steps take that were predicted to fit. */
  readonly maxMs?: number;
}

export interface RungOptions extends Pick<WorkerOptions, "environment" | "threads" | "oomScoreAdjust"> {
  readonly signal: AbortSignal;
  readonly onProgress?: (report: StepReport, totalSteps: number) => void;
}

/** What a rung took and gave. Accuracies are by labels, or estimated where there are none. */
export interface RungResult extends Omit<RetrainResult, "judgingMs"> {
  /** How accuracy was judged; undefined: it could not be. */
  readonly judgement: AccuracyJudge | undefined;
  readonly judgedSamples: number;
}

/** Of the time that is left once the worker is up; the rest is for the estimate without labels and for writing. */
const RETRAIN_SHARE = 0.8;
/** An estimate looks at the judged samples by old and new weights; and half as long again. */
const ESTIMATE_LOOKS = 3;

/**
 * Trains one rung in a fresh worker that may not take more than `memoryBytes`: as long as `windowLength` says, judged,
 * without labels too. Throws what `retrain` throws, and `timed-out` when the window is shorter than a step.
 */
export async function trainRung(training: RungTraining, options: RungOptions): Promise<RungResult> {
  const began = performance.now();
  const { rung, model, samples, judgedOn, memoryBytes, maxMs = Number.POSITIVE_INFINITY, ...rest } = training;
  const { signal, onProgress, ...process } = options;
  const { config, stepMs } = rung;
  const length = windowLength(rung, samples.count, maxMs);
  if (length === undefined) {
    throw new MpoError(
      "timed-out",
      `a step takes ${stepMs.expected.toFixed(0)} ms; the window has ${maxMs.toFixed(0)} ms`,
    );
  }
  const chain = chainOf(model.graph);
  const facts = stepMemoryFacts(chain, methodNamed(training.method));
  const memoryCapBytes = poolCapFor(planStep(chain, config), facts, memoryBytes);
  await using worker = await EngineWorker.start({ ...process, memoryCapBytes }, { signal });
  const { epochs, steps } = length;
  const leftMs = RETRAIN_SHARE * (began + maxMs - performance.now());
  const task = {
    ...rest,
    model,
    samples: firstSamples(samples, length.count),
    judgedOn,
    config,
    epochs,
    mostSteps: steps,
  };
  const { judgingMs, ...result } = await retrain(
    worker,
    { ...task, ...(Number.isFinite(leftMs) ? { maxMs: leftMs } : {}) },
    { signal, ...given({ onProgress }) },
  );
  const { weights } = result;
  const { microBatch } = config;
  collectGarbage("most");
  // On a slow or busy board it may take minutes: what was learned counts without it, too.
  const hasTime = began + maxMs - performance.now() > ESTIMATE_LOOKS * judgingMs;
  const estimate = hasTime
    ? await labelFreeEstimate({ worker, model, weights, judgedOn, microBatch, signal })
    : undefined;
  collectGarbage("most");
  const judgement = result.accuracyBefore !== undefined ? "labels" : estimate && "label-free";
  const overheadMs = performance.now() - began - result.trainingMs;
  return { ...result, ...estimate, judgement, judgedSamples: judgedOn.count, overheadMs };
}
