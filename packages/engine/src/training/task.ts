import type { MethodName, RetrainConfig } from "@mpo/core";
import type { Optimizer } from "../losses/optimizer.ts";

/** How the learning rate moves over a training. */
export type LearningRateSchedule =
  | { readonly kind: "constant"; readonly rate: number }
  /** Rises linearly to `peak` over the first `warmUpShare` of the steps, then falls along half a cosine to zero. */
  | { readonly kind: "oneCycle"; readonly peak: number; readonly warmUpShare: number }
  /** Goes linearly from one rate to another over the steps: a piece of a schedule that is longer than one run. */
  | { readonly kind: "linear"; readonly from: number; readonly to: number };

/** What is trained, fixed when a worker loads a model. */
export interface TrainingSetup {
  readonly config: RetrainConfig;
  readonly loss: MethodName;
  readonly optimizer: Optimizer;
  /**
   * Moving statistics become those of this training's own micro-batches, whenever it ends (`statisticsShareAt`). Default:
   * they move by each layer's own momentum.
   */
  readonly replacesStatistics?: boolean;
}

/** How long and with what data order it is trained. The effective batch is `microBatch * accumulation` of the config. */
export interface TrainingRun {
  readonly steps: number;
  readonly learningRate: LearningRateSchedule;
  readonly seed: number;
  /** Visit the samples in a new seeded order in each epoch; otherwise in their given order, again and again. */
  readonly shuffle: boolean;
  /** `shiftFlip`: random shift by up to 2 pixels and random mirror image, as is usual for 28 to 32 pixel images. */
  readonly augmentation?: "none" | "shiftFlip";
  /** No step is begun that would, at the length of the longest before, end later than this; the first always is. */
  readonly maxMs?: number;
}

/**
 * Micro-batches from this size on normalise by their own statistics. With these a ResNet-20 adapts as well at 16 images as at
 * 64, a point worse at 4, and 7 points at 1 (`norm`, four corruptions, 512 images).
 */
export const OWN_STATISTICS_FROM = 16;
/** Before it has seen others, a training counts the model's statistics for this many samples. */
const SOURCE_SAMPLES = 2 * OWN_STATISTICS_FROM;
/** A mean over about a hundred micro-batches is steady enough, of smaller ones as many samples; the activations move meanwhile. */
const LEAST_STATISTICS_SHARE = 0.01;

/**
 * By how much moving statistics go towards those of micro-batch `update` (from 0), where they are replaced: at the first
 * all the way, then such that each micro-batch counts in proportion to its number, so that later ones, whose weights are
 * nearer to those that remain, count more. Nothing of the old is left after any number of updates: a training may be
 * stopped at any time, and inference then normalises as the training did. Small micro-batches, which say little each, begin
 * slowly: of the old a thousandth is left after as many samples as a thousand.
 */
export function statisticsShareAt(update: number, microBatch: number): number {
  const least = LEAST_STATISTICS_SHARE * Math.min(1, microBatch / OWN_STATISTICS_FROM);
  return Math.max(least, (2 * microBatch) / (update * microBatch + Math.max(2 * microBatch, SOURCE_SAMPLES)));
}

/** Samples over which the mean of the latest predictions fades (Niu et al. 2022: a tenth for each batch of 64). */
const LATEST_SAMPLES = 640;

/** The mean of the latest predictions, `[classes]`, with that of a further micro-batch: as fast by many small as by few large. */
export function meanOfLatest(
  latest: Float32Array | undefined,
  prediction: Float32Array,
  microBatch: number,
): Float32Array {
  if (latest === undefined) return prediction;
  const share = Math.min(1, microBatch / LATEST_SAMPLES);
  return latest.map((value, index) => value + share * (prediction[index]! - value));
}

/** Learning rate at step `step` (from 0) of `steps`. */
export function learningRateAt(schedule: LearningRateSchedule, step: number, steps: number): number {
  if (schedule.kind === "constant") return schedule.rate;
  if (schedule.kind === "linear") return schedule.from + ((schedule.to - schedule.from) * step) / steps;
  const warmUpSteps = Math.max(1, Math.round(schedule.warmUpShare * steps));
  if (step < warmUpSteps) return (schedule.peak * (step + 1)) / warmUpSteps;
  const progress = (step - warmUpSteps) / Math.max(1, steps - warmUpSteps);
  return (schedule.peak * (1 + Math.cos(Math.PI * progress))) / 2;
}
