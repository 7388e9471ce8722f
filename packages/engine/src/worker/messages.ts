import type { ModelGraph, ModelWeights } from "../model/model-graph.ts";
import type { UnitTimingReport, UnitTimingRequest } from "../probe/timing/unit-timing.ts";
import type { MemoryReading } from "../session/memory-meter.ts";
import type { Samples } from "../training/batches.ts";
import type { TrainingRun, TrainingSetup } from "../training/task.ts";
import type { StepReport } from "../training/train-loop.ts";

/** What a worker can be asked, by kind, with its answer. Arrays travel by structured clone. */
export interface WorkerCalls {
  /** Compiles the model, opens a session, sets the weights, warms up and measures the idle process. */
  readonly load: {
    readonly request: {
      readonly graph: ModelGraph;
      readonly weightsFolder: string;
      readonly training?: TrainingSetup;
      /** No other training will be loaded: the pool need not have room for any. */
      readonly isOnly?: boolean;
    };
    readonly answer: LoadReport;
  };
  /** Replaces the samples that `train` and `evaluate` use under a name: the first of their images, and how many values all have. */
  readonly samples: {
    readonly request: { readonly name: string; readonly samples: Samples; readonly values: number };
    readonly answer: null;
  };
  /** More images of samples, from their value `at` on. */
  readonly moreSamples: {
    readonly request: { readonly name: string; readonly at: number; readonly images: Float32Array };
    readonly answer: null;
  };
  /** Uses the first `count` images of `of` under a name too, with labels of their own. */
  readonly sameSamples: {
    readonly request: {
      readonly name: string;
      readonly of: string;
      readonly count: number;
      readonly labels?: Int32Array | undefined;
    };
    readonly answer: null;
  };
  /** Trains; sends a progress message after each step. */
  readonly train: {
    readonly request: { readonly samples: string; readonly run: TrainingRun };
    readonly answer: TrainReport;
    readonly progress: StepReport;
  };
  /** Gives the moving statistics what a training of the first `most` samples begins with; nothing is trained. */
  readonly takeStatistics: {
    readonly request: { readonly samples: string; readonly most: number };
    readonly answer: null;
  };
  /** Adds how much each parameter matters to one effective batch of samples with labels, by so much, to what an anchor knows. */
  readonly takeImportance: {
    readonly request: { readonly samples: string; readonly share: number };
    readonly answer: null;
  };
  /** Logits `[count, classes]` in inference mode, and features where wanted and available. */
  readonly evaluate: {
    readonly request: { readonly samples: string; readonly batch: number; readonly features: boolean };
    readonly answer: { readonly logits: Float32Array; readonly features: Float32Array | undefined };
  };
  readonly readWeights: { readonly request: Record<string, never>; readonly answer: ModelWeights };
  readonly assignWeights: { readonly request: { readonly weightsFolder: string }; readonly answer: null };
  /** Times every part of a training step, in a session of its own: for a worker that has loaded nothing. */
  readonly timeUnits: { readonly request: UnitTimingRequest; readonly answer: UnitTimingReport };
  readonly memory: { readonly request: { readonly resetPeak: boolean }; readonly answer: MemoryReading };
}

export type WorkerCallKind = keyof WorkerCalls;

export interface LoadReport {
  /** Resident bytes with the model loaded and warm, before the first step. */
  readonly idleBytes: number;
  /** Optimizer slots and accumulators, which the idle process already holds. */
  readonly stateBytes: number;
  /** What the plan says a step adds to the idle process, state included; 0 without training. */
  readonly plannedBytes: number;
  readonly tensorflowVersion: string;
}

export interface TrainReport {
  readonly steps: readonly StepReport[];
  /** Measured: peak above idle, plus state; comparable with `plannedBytes`. */
  readonly peakBytes: number;
}
