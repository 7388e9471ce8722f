import type { ModelGraph } from "../../model/model-graph.ts";
import type { TrainingSetup } from "../../training/task.ts";

/** What a worker is asked to time. */
export interface UnitTimingRequest {
  readonly graph: ModelGraph;
  readonly weightsFolder: string;
  readonly training: Pick<TrainingSetup, "loss" | "optimizer">;
  /** Rising. Each is timed in turn, again and again, so that a busy minute disturbs all alike. */
  readonly microBatches: readonly number[];
  /** Rounds at most; the first one, which meets its batch sizes for the first time, does not count. */
  readonly rounds: number;
  /**
   * No new round begins when this time is over, and micro-batches that would take too much of it are left out; the
   * smallest are timed once at least.
   */
  readonly maxMs: number;
  /** float32 `[count, ...shape]` to run on; absent: random numbers. */
  readonly images?: Float32Array;
  readonly seed: number;
}

/** One micro-batch that was timed, part by part of `timedPlan`. */
export interface PartTimes {
  readonly microBatch: number;
  /** Milliseconds of each of `timedParts`. */
  readonly partMs: readonly number[];
  /** Share of the processor that others took meanwhile; absent: not known. */
  readonly othersCpuShare?: number;
}

export interface UnitTimingReport {
  readonly steps: readonly PartTimes[];
  /** Milliseconds of stepping the optimizer from the accumulators. */
  readonly applyMs: readonly number[];
  readonly tensorflowVersion: string;
  /** Resident bytes at the end, at most. */
  readonly peakBytes: number;
}
