import type { MpoErrorCode } from "@mpo/core";
import type { ModelGraph, ModelWeights } from "../model/model-graph.ts";
import type { MemoryReading } from "../session/memory-meter.ts";
import type { Samples } from "../training/batches.ts";
import type { TrainingRun, TrainingSetup } from "../training/task.ts";
import type { StepReport } from "../training/train-loop.ts";

/** What a worker can be asked, by kind, with its answer. Arrays travel by structured clone. */
export interface WorkerCalls {
  /** Compiles the model, opens a session, sets the weights, warms up and measures the idle process. */
  readonly load: {
    readonly request: { readonly graph: ModelGraph; readonly weightsFolder: string; readonly training?: TrainingSetup };
    readonly answer: LoadReport;
  };
  /** Replaces the samples that `train` and `evaluate` use under a name. */
  readonly samples: { readonly request: { readonly name: string; readonly samples: Samples }; readonly answer: null };
  /** Trains; sends a progress message after each step. */
  readonly train: {
    readonly request: { readonly samples: string; readonly run: TrainingRun };
    readonly answer: TrainReport;
  };
  /** Logits `[count, classes]` in inference mode, and features where wanted and available. */
  readonly evaluate: {
    readonly request: { readonly samples: string; readonly batch: number; readonly features: boolean };
    readonly answer: { readonly logits: Float32Array; readonly features: Float32Array | undefined };
  };
  readonly readWeights: { readonly request: Record<string, never>; readonly answer: ModelWeights };
  readonly assignWeights: { readonly request: { readonly weightsFolder: string }; readonly answer: null };
  readonly memory: { readonly request: { readonly resetPeak: boolean }; readonly answer: MemoryReading };
}

export type WorkerCallKind = keyof WorkerCalls;

export interface LoadReport {
  /** Resident bytes with the model loaded and warm, before the first step. */
  readonly idleBytes: number;
  /** Optimizer slots and accumulators, which the idle process already holds. */
  readonly stateBytes: number;
  /** What the plan says a step adds to the idle process, state included; 0 without training. */
  readonly plannedPeakBytes: number;
  readonly tensorflowVersion: string;
  readonly loadMs: number;
}

export interface TrainReport {
  readonly steps: readonly StepReport[];
  /** Measured: peak above idle, plus state; comparable with `plannedPeakBytes`. */
  readonly peakGrowthBytes: number;
  readonly wasCancelled: boolean;
}

export type WorkerRequest = {
  readonly [Kind in WorkerCallKind]: {
    readonly id: number;
    readonly kind: Kind;
    readonly body: WorkerCalls[Kind]["request"];
  };
}[WorkerCallKind];

/** From the parent: a call, or the wish that the running one stop after its step. */
export type ToWorker = WorkerRequest | { readonly id: number; readonly kind: "cancel" };

export type FromWorker =
  | { readonly id: number; readonly kind: "answer"; readonly body: unknown }
  | { readonly id: number; readonly kind: "progress"; readonly report: StepReport }
  | {
      readonly id: number;
      readonly kind: "error";
      readonly error: { readonly code: MpoErrorCode; readonly message: string; readonly hint: string | undefined };
    }
  | { readonly id: 0; readonly kind: "ready" };
