import type { ModelGraph } from "../model/model-graph.ts";
import type { TrainingSetup } from "../training/task.ts";

/** What a timing process is asked: one message in, one `UnitTimingAnswer` after each reading and at the end. */
export interface UnitTimingRequest {
  readonly graph: ModelGraph;
  readonly weightsFolder: string;
  readonly training: Pick<TrainingSetup, "loss" | "optimizer">;
  /** Each is timed in turn, again and again, so that a busy minute disturbs all alike. */
  readonly microBatches: readonly number[];
  /** Rounds at most; the first one, which meets its batch sizes for the first time, does not count. */
  readonly rounds: number;
  /** No new round begins when this time is over. */
  readonly maxMs: number;
  /** float32 `[count, ...shape]` to run on; absent: random numbers. */
  readonly images?: Float32Array;
  readonly seed: number;
}

/** One micro-batch that was timed, instruction by instruction of `timedPlan`. */
export interface InstructionTimes {
  readonly microBatch: number;
  /** Milliseconds of each instruction. */
  readonly instructionMs: readonly number[];
}

/** What a timing process found. */
export interface UnitTimingReport {
  readonly steps: readonly InstructionTimes[];
  /** Milliseconds of stepping the optimizer from the accumulators, all parameters. */
  readonly applyMs: readonly number[];
  readonly tensorflowVersion: string;
  /** Resident bytes at the end, at most. */
  readonly peakBytes: number;
}

export type UnitTimingAnswer =
  | { readonly kind: "report"; readonly report: UnitTimingReport }
  | { readonly kind: "error"; readonly message: string };
