import type { MethodName, StepPlan } from "@mpo/core";
import type { NodeDef } from "../graph/graph-proto.ts";
import type { Optimizer } from "../losses/optimizer.ts";
import type { ModelInput } from "../model/input-form.ts";
import type { ModelGraph } from "../model/model-graph.ts";

/** Names of the tensors that a session run feeds and fetches. */
export const FEEDS = {
  /** float32 `[b, height, width, channels]`. */
  images: "images",
  /** int32 `[b]`; -1: no label. */
  labels: "labels",
  learningRate: "learning_rate",
  /** float32 scalar, 1 / effective batch. */
  sampleWeight: "sample_weight",
  /** float32 `[classes]`: mean of the latest predictions of the same training; `[1]`, a zero, before there are any. */
  meanPrediction: "mean_prediction",
  /** int32 `[2]`. */
  seed: "seed",
  /** float32 scalar: of the square of each step's gradient, what is added to the importance of what an anchor holds. */
  importanceShare: "importance_share",
  /** float32 scalar: of each move of the moving statistics, what is made; 0 holds them (warming up). */
  statisticsShare: "statistics_share",
  /**
   * float32 scalar: optimizer state and accumulators at the start, zero. Were it a constant, TensorFlow would fold it into
   * tensors of zeros, one for each shape, and keep those for ever.
   */
  initialState: "initial_state",
  /** Text: folder with one file for each variable, named by its index, of its float32 values (little-endian). */
  weightsFolder: "weights_folder",
  /** int32 `[1]`: float32 elements to reserve. */
  reserveElements: "reserve_elements",
} as const;

export const FETCHES = {
  /** float32 scalar: this micro-batch's part of the mean loss; fetching it runs the micro-step. */
  stepLoss: "step_loss",
  /** float32 `[classes]`: mean prediction of the micro-batch. */
  stepPrediction: "step_prediction",
  /** Fetching it moves the moving statistics by one micro-batch, and runs nothing else of the micro-step. */
  statisticsDone: "statistics_done",
  /** float32 `[parts + 1]`: seconds from the step's begin to the end of each of `timedParts`; only in a timed program. */
  clock: "clock",
  /** Fetching it steps the parameters from their accumulators, and clears those. */
  applyDone: "apply_done",
  /** float32 `[b, classes]`, in inference mode. */
  logits: "logits",
  /** float32 `[b, features]`: what the classifier reads, in inference mode; only where a model has one. */
  features: "features",
  /**
   * Fetching it allocates `reserveElements` and gives them back untouched: the allocator's pool then is one region, and
   * no byte of it is resident yet.
   */
  reserveDone: "reserve_done",
  initDone: "init_done",
  /** The same but for what an anchor knows. */
  forgetDone: "forget_done",
  assignDone: "assign_done",
} as const;

export interface ProgramVariable {
  readonly name: string;
  readonly shape: readonly number[];
  /** Name of its file in the folder from which variables are assigned. */
  readonly file: string;
  /** Tensor that is fetched to read it. */
  readonly read: string;
}

/** A compiled graph with everything needed to run it. */
export interface Program {
  readonly input: ModelInput;
  readonly nodes: readonly NodeDef[];
  readonly variables: readonly ProgramVariable[];
  /** Absent in a program that only evaluates. */
  readonly plan: StepPlan | undefined;
  readonly hasFeatures: boolean;
}

export interface ProgramSource {
  readonly graph: ModelGraph;
  /** Absent: evaluation only. */
  readonly training?: {
    readonly plan: StepPlan;
    readonly loss: MethodName;
    readonly optimizer: Optimizer;
    /** Share of the old value that moving statistics keep at each micro-batch; absent: each layer's own. */
    readonly statisticsMomentum?: number;
    /**
     * Normalise by the moving statistics, after the micro-batch has moved them by the share that is fed: for micro-batches
     * too small for their own. Default: by their own.
     */
    readonly blendsStatistics?: boolean;
    /** Read the time after each of `timedParts` (`FETCHES.clock`). Default: no. */
    readonly isTimed?: boolean;
  };
}
