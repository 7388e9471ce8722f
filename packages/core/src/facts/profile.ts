import type { FreezingRates, RetrainConfig } from "./retrain-config.ts";

/** Format of profiles. A profile of another version is measured again, not converted: probing takes seconds. */
export const PROFILE_VERSION = 1;

/** Memory that is there for the whole step, besides the weights: known to the optimizer and to the loss, not the plan. */
export interface StepMemoryFacts {
  /** Optimizer state for each parameter byte that trains: SGD 0, momentum 1, Adam 2. */
  readonly slotsPerParameter: number;
  /** Bytes that the loss holds while it runs, for each sample. */
  readonly lossWorkBytesPerSample: number;
}

/** Time of one unit of the model with nothing frozen, at one micro-batch. Times are repeats, outliers included. */
export interface UnitTimeSample {
  readonly unit: number;
  readonly microBatch: number;
  readonly forwardMs: readonly number[];
  readonly backwardMs: readonly number[];
  /** The backward run when only normalisation layers train. Absent: not measured. */
  readonly normOnlyBackwardMs?: readonly number[];
}

/** A whole step that was run as it would be in a retraining. */
export interface StepSample {
  readonly config: RetrainConfig;
  /** What the planner said before the run, in bytes above the idle process. */
  readonly plannedPeakBytes: number;
  /** What the process grew by. Absent where only time was measured (several configs in one process). */
  readonly measuredPeakBytes?: number;
  /** Time of one step (all micro-batches and the update), repeats. */
  readonly msPerStep: readonly number[];
}

/** Time of stepping the optimizer, and of adding to the accumulators, for so many bytes of parameters. */
export interface UpdateSample {
  readonly parameterBytes: number;
  readonly updateMs: readonly number[];
  readonly accumulateMs: readonly number[];
}

/** Who judged accuracy: held-out labels, or an estimate without labels (ATC, AETTA). */
export type AccuracyJudge = "labels" | "label-free";

/** One micro-window: accuracy along a short training under one freezing and micro-batch. */
export interface AccuracySample {
  readonly freezing: FreezingRates;
  readonly microBatch: number;
  readonly judge: AccuracyJudge;
  /** Accuracy before any step, 0 to 1. */
  readonly startAccuracy: number;
  /** Steps rise. `accuracy` is 0 to 1. */
  readonly points: readonly { readonly steps: number; readonly accuracy: number }[];
  /** Samples that each accuracy was judged on: says how far off it may be by chance. */
  readonly judgedSamples: number;
}

/** What probes measured for one model on one device. Plain data, as it is stored and sent. */
export interface Profile {
  readonly version: number;
  readonly model: {
    readonly name: string;
    /** Digest of its graph: costs depend on the architecture, not on the weights. */
    readonly digest: string;
    readonly unitCount: number;
    readonly parameterCount: number;
    /** Normalises over the batch, so that the micro-batch changes what is learned. */
    readonly hasBatchStatistics: boolean;
  };
  readonly device: { readonly id: string; readonly class: string };
  /** Versions of the parts whose change makes the numbers stale. */
  readonly software: { readonly engine: string; readonly library: string };
  /** How it trains: loss and optimizer decide memory and curves. */
  readonly method: { readonly loss: string; readonly optimizer: string };
  readonly memoryFacts: StepMemoryFacts;
  readonly effectiveBatch: number;
  /** Resident bytes of the loaded process before its first step. */
  readonly idleBytes: number;
  readonly unitTimes: readonly UnitTimeSample[];
  readonly steps: readonly StepSample[];
  readonly updates: readonly UpdateSample[];
  readonly accuracy: readonly AccuracySample[];
  /** What probing itself took. */
  readonly spent: {
    readonly ms: number;
    readonly peakBytes: number;
    readonly configs: number;
    /** Share of the processor that other programs took meanwhile, 0 to 1; absent: not known. */
    readonly othersCpuShare?: number;
  };
  /** Milliseconds since 1970, of the end of probing. */
  readonly measuredAtMs: number;
}

/** As much of a profile as memory and time are predicted from. */
export type CostProfile = Pick<Profile, "memoryFacts" | "effectiveBatch" | "unitTimes" | "steps" | "updates"> & {
  readonly spent: Pick<Profile["spent"], "othersCpuShare">;
};

/** Age of a profile; never negative, also when the clocks of device and reader disagree. */
export function profileAgeMs(profile: Profile, nowMs: number): number {
  return Math.max(0, nowMs - profile.measuredAtMs);
}
