import {
  type AccuracySample,
  type HalvingCandidate,
  type MethodName,
  type RetrainConfig,
  successiveHalving,
} from "@mpo/core";
import type { Clock } from "@mpo/io";
import { labelByModel } from "../../adaptation/retrain.ts";
import { ADAPTED } from "../../adaptation/send-samples.ts";
import { GUARD_AT_START, watchEpoch } from "../../adaptation/training-guard.ts";
import type { Model, ModelWeights } from "../../model/model-graph.ts";
import { firstSamples, type Samples } from "../../training/batches.ts";
import { type AdaptationMethod, learningRateFor } from "../../window/method.ts";
import type { EngineWorker } from "../../worker/engine-worker.ts";
import { accuracyReader } from "./accuracy-reader.ts";

/** Samples that micro-windows train and are judged on. */
export interface ProbeSamples {
  /** Recent samples, to adapt to; labels are used where the method needs them. */
  readonly adapted: Samples;
  /** Recent samples to judge on: by their labels if there are any, else by what dropout leaves of predictions. */
  readonly judged: Samples;
}

/** Something to train for a few steps. */
export interface LearningCandidate {
  readonly method: AdaptationMethod;
  readonly config: RetrainConfig;
  /** Predicted time of one step. */
  readonly stepMs: number;
}

export interface MicroWindowTask {
  readonly model: Model;
  readonly samples: ProbeSamples;
  /** They differ in what they learn, and come in order of promise. */
  readonly candidates: readonly LearningCandidate[];
  readonly budgetMs: number;
  readonly seed: number;
}

/**
 * Most samples to judge on. More would take longer than the training between two judgements, and at this number chance
 * matters no more than the error of the judge without labels.
 */
const MOST_JUDGED = 384;

/** What was seen of a candidate of a method. */
export interface LearnedCurve {
  readonly method: MethodName;
  readonly sample: AccuracySample;
}

/** One candidate on its way: where its training stands. */
interface Course extends HalvingCandidate, LearningCandidate {
  weights: ModelWeights;
  steps: number;
  readonly points: { readonly steps: number; readonly accuracy: number }[];
}

/**
 * Trains the candidates for a few steps each on recent samples, the better ones for longer (successive halving), and judges
 * them after each round. One worker does all: nothing of its memory is measured. Returns one curve for each config that
 * was judged; none without a judge, or without time for one round.
 */
export async function runMicroWindows(
  worker: EngineWorker,
  task: MicroWindowTask,
  { signal, clock }: { readonly signal: AbortSignal; readonly clock: Clock },
): Promise<readonly LearnedCurve[]> {
  const began = clock.monotonicMs();
  const { model, samples } = task;
  const isLabelled = samples.adapted.labels !== undefined;
  const candidates = task.candidates.filter(({ method }) => isLabelled || !method.needsLabels);
  if (candidates.length === 0) return [];
  await worker.load({ ...model }, { signal });
  const judgedFrom = clock.monotonicMs();
  const loadMs = judgedFrom - began;
  const judged = firstSamples(samples.judged, MOST_JUDGED);
  const judge = accuracyReader(worker, model.graph, judged, signal);
  if (judge === undefined) return [];
  const startAccuracy = await judge.read();
  const judgeMs = clock.monotonicMs() - judgedFrom;
  const courses = candidates.map((candidate): Course => {
    const costs = { msPerStep: candidate.stepMs, setupMs: judgeMs + loadMs };
    return { ...candidate, ...costs, weights: model.weights, steps: 0, points: [] };
  });
  const halvingBegan = clock.monotonicMs();
  try {
    await successiveHalving(courses, task.budgetMs - (halvingBegan - began), {
      train: async (course, steps) => {
        const isSound = await train(worker, task, course, steps, signal);
        const accuracy = await judge.read();
        course.points.push({ steps: course.steps, accuracy });
        return isSound ? accuracy : undefined;
      },
      spentMs: () => clock.monotonicMs() - halvingBegan,
    });
  } catch (error) {
    // The time was over in the middle of a round: what was judged until then counts.
    if (!signal.aborted) throw error;
  }
  return courses
    .filter(({ points }) => points.length > 0)
    .map(({ method, config: { freezing, microBatch }, points }) => ({
      method: method.loss,
      sample: { freezing, microBatch, judge: judge.kind, startAccuracy, points, judgedSamples: judged.count },
    }));
}

/** Trains on from where the course stands; false when it diverged or collapsed. The worker holds its weights after. */
async function train(
  worker: EngineWorker,
  { model, samples, seed }: MicroWindowTask,
  course: Course,
  steps: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { method, config } = course;
  const { loss, optimizer } = method;
  const training = { config, loss, optimizer, replacesStatistics: true };
  await worker.load({ graph: model.graph, weights: course.weights, training }, { signal });
  const { images, count, labels } = samples.adapted;
  const own = method.needsLabels && labels !== undefined ? { images, count, labels } : { images, count };
  await worker.setSamples(ADAPTED, own, { signal });
  if (method.usesPseudoLabels) await labelByModel(worker, ADAPTED, count, config, { signal });
  const run = {
    steps,
    learningRate: { kind: "constant", rate: learningRateFor(method, config.microBatch * config.accumulation) },
    seed: seed + course.steps,
    shuffle: true,
  } as const;
  const report = await worker.call("train", { samples: ADAPTED, run }, { signal });
  course.steps += report.steps.length;
  course.weights = await worker.call("readWeights", {}, { signal });
  const classes = Math.exp(report.steps[0]?.meanPredictionEntropy ?? 0);
  return watchEpoch(GUARD_AT_START, report.steps, classes).stop === undefined;
}
