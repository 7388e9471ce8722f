import type { Chain, Measured, MethodName, Prediction, Profile, RetrainConfig } from "@mpo/core";
import type { RungResult, StepReport } from "@mpo/engine";

export interface WorkOptions {
  /** Ends the work at once, its processes too. */
  readonly signal: AbortSignal;
  readonly onProgress?: (report: StepReport) => void;
}

/** Measure a model. */
export interface ProbeJob {
  readonly model: string;
  readonly modelFolder: string;
  /** Folder of the model as deployed. */
  readonly sourceFolder: string;
  /** Files with drifted inputs, newest first, to measure accuracy on; empty: it is not measured. */
  readonly inputFiles: readonly string[];
  /** Configurations to measure, most valuable first; empty: the engine chooses. */
  readonly configs: readonly RetrainConfig[];
  /** What a step may take above the idle process. A hard limit. */
  readonly memoryBytes: number;
  /** Wall time of all of it. */
  readonly maxMs: number;
  /** Several: they race. */
  readonly methods: readonly MethodName[];
  readonly effectiveBatch: number;
  readonly device: { readonly id: string; readonly class: string };
  /** What an earlier probe measured of memory and time: only accuracy is measured. */
  readonly known?: Profile;
}

/** What a probe measured, and the model as it was planned. */
export interface ProbeResult {
  readonly profile: Profile;
  readonly chain: Chain;
  /** What keeps some of the model from being trained, for a person. */
  readonly note?: string;
}

/** Measure a few steps of one configuration. */
export interface CheckJob extends Pick<ProbeJob, "model" | "modelFolder" | "memoryBytes" | "maxMs"> {
  readonly method: string;
  readonly config: RetrainConfig;
  /** What a step is expected to take. */
  readonly stepMs: number;
}

/** What the steps took, and of which model. */
export interface CheckResult {
  readonly measured: Measured;
  readonly idleBytes: number;
  readonly graphDigest: string;
  readonly chain: Chain;
}

/** Retrain the model that is served. */
export interface RetrainJob {
  readonly model: string;
  /** Folder of the weights that are served now. */
  readonly modelFolder: string;
  /** Folder of the model as deployed: may hold labelled reference inputs for a label-free estimate. */
  readonly sourceFolder: string;
  /** Where the retrained model is written. */
  readonly stagingFolder: string;
  /** Files with recent inputs, newest first. */
  readonly inputFiles: readonly string[];
  readonly rung: Prediction;
  readonly memoryBytes: number;
  readonly maxMs: number;
  readonly method: string;
  readonly seed: number;
  /** What was learned on like inputs, `normalisationOf` its model: to start from, where it is better. */
  readonly start?: Uint8Array;
}

/** What a retraining took and gave; its weights lie in a folder. */
export interface RetrainOutcome
  extends Omit<
    RungResult,
    "weights" | "stopped" | "epochs" | "trainingMs" | "idleBytes" | "isFromStart" | "isReset" | "share"
  > {
  /** Where the retrained model lies when it is accepted; the receiver moves it away or removes it. */
  readonly stagedFolder?: string;
  /** Whether it was trained from the job's `start`; absent: it had none. */
  readonly isFromStart?: boolean;
  /** Of the retrained model, where it has such layers and is accepted. */
  readonly normalisation?: Uint8Array;
}

/**
 * What trains. Throws `over-memory-cap` when the limit was hit, `worker-killed` when the process was killed from outside,
 * mostly by the system's memory killer, `worker-crashed`, `timed-out`, `cancelled`.
 */
export interface AgentEngine {
  probe(job: ProbeJob, options: WorkOptions): Promise<ProbeResult>;
  check(job: CheckJob, options: WorkOptions): Promise<CheckResult>;
  retrain(job: RetrainJob, options: WorkOptions): Promise<RetrainOutcome>;
}
