import type { MethodName, Profile, RetrainConfig } from "@mpo/core";
import type { Clock } from "@mpo/io";
import type { Model } from "../model/model-graph.ts";
import type { ProbeSamples } from "./accuracy/micro-windows.ts";

/** Reads how many bytes the system could still give to processes. */
export type AvailableMemoryReader = () => Promise<number>;

export interface ProbeTask {
  readonly model: Model;
  /** How the model will be retrained: loss and optimizer decide memory, time and accuracy. */
  readonly method: MethodName;
  readonly effectiveBatch: number;
  readonly device: { readonly id: string; readonly class: string };
  /** Recent samples for micro-windows; absent: random numbers are trained on, and accuracy is not probed. */
  readonly samples?: ProbeSamples;
  /** Configs whose whole steps are measured, most valuable first; absent or empty: the probe chooses. */
  readonly configs?: readonly RetrainConfig[];
  /**
   * What an earlier probe of this model and method measured of memory and time: it is taken over, and only accuracy is
   * measured, on `samples`.
   */
  readonly known?: Profile;
}

/** What a probe may spend. */
export interface ProbeBudget {
  /** Wall time. What is running when it is over is ended and not counted. */
  readonly maxMs: number;
  /** What a step may take above the idle process; also the workers' hard limit. Absent: no limit. */
  readonly memoryBytes?: number;
  /** The probe stops at once when the system's free memory falls below. Default 256 MiB. */
  readonly leastAvailableBytes?: number;
}

export interface ProbeOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  readonly threads?: number;
  /** How readily the system's memory killer takes the probe's processes; default: that of workers. */
  readonly oomScoreAdjust?: number;
  /**
   * Workers that are loaded at the same time, to use all cores; they run one after the other. Each holds an idle process
   * of memory. Default 2.
   */
  readonly loadedAtOnce?: number;
  readonly seed?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: MemAvailable of /proc/meminfo. */
  readonly availableBytes?: AvailableMemoryReader;
  /** What is being measured, and the share of the time that is used. */
  readonly onProgress?: (what: string, share: number) => void;
}
