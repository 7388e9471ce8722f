import { entropy, type StepPlan } from "@mpo/core";
import { fedLearningRate } from "../losses/optimizer.ts";
import type { ProgramSession } from "../session/program-session.ts";
import type { BatchFeed } from "./batches.ts";
import { learningRateAt, meanOfLatest, statisticsShareAt, type TrainingRun, type TrainingSetup } from "./task.ts";

export interface StepReport {
  /** From 1. */
  readonly step: number;
  readonly loss: number;
  readonly ms: number;
  /** Entropy of the mean prediction over the step's batch, in nats; near 0: everything is called one class. */
  readonly meanPredictionEntropy: number;
}

/** Times of single steps: the first of a session meets its batch size for the first time, and does not count. */
export function stepTimes(steps: readonly Pick<StepReport, "ms">[]): readonly number[] {
  return steps.slice(1).map(({ ms }) => ms);
}

/**
 * Runs training steps one after the other; `onStep` may stop it by returning false. Yields to the event loop between.
 * Ends early when `run.maxMs` is up. `stepsDone`: how many steps the optimizer's state has seen before.
 */
export async function runTraining(
  session: ProgramSession,
  plan: StepPlan,
  setup: TrainingSetup,
  feed: BatchFeed,
  run: TrainingRun,
  stepsDone: number,
  onStep: (report: StepReport) => boolean,
): Promise<void> {
  const { microBatch, accumulation } = plan.config;
  const batchSize = microBatch * accumulation;
  const { maxMs = Number.POSITIVE_INFINITY } = run;
  const startedMs = performance.now();
  let longestMs = 0;
  let meanPrediction: Float32Array | undefined;
  for (let step = 1; step <= run.steps; step++) {
    const rate = learningRateAt(run.learningRate, step - 1, run.steps);
    const learningRate = fedLearningRate(setup.optimizer, rate, stepsDone + step);
    const began = performance.now();
    let loss = 0;
    let prediction = new Float64Array(0);
    for (let micro = 0; micro < accumulation; micro++) {
      const seed = run.seed + step * accumulation + micro;
      const update = (stepsDone + step - 1) * accumulation + micro;
      const statisticsShare = setup.replacesStatistics === true ? statisticsShareAt(update, microBatch) : 1;
      const settings = { learningRate, sampleWeight: 1 / batchSize, meanPrediction, seed, statisticsShare };
      const result = session.microStep(feed.next(), settings);
      loss += result.loss;
      meanPrediction = meanOfLatest(meanPrediction, result.prediction, microBatch);
      if (micro === 0) prediction = new Float64Array(result.prediction.length);
      result.prediction.forEach((value, index) => {
        prediction[index]! += value / accumulation;
      });
    }
    if (accumulation > 1) session.apply(learningRate);
    const ms = performance.now() - began;
    longestMs = Math.max(longestMs, ms);
    if (!onStep({ step, loss, ms, meanPredictionEntropy: entropy(prediction) })) return;
    if (performance.now() - startedMs + longestMs > maxMs) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
