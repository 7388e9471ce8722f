import { CalledProcess, entryBeside } from "@mpo/io";

/** What to train with plain TensorFlow.js. */
export interface TfjsStepOptions {
  /** An exported model's `model.json`. */
  readonly modelPath: string;
  readonly batch: number;
  /** Steps that count; one more runs before them. */
  readonly steps: number;
  readonly seed: number;
}

/** What some training steps took. */
export interface StepTiming {
  readonly stepMs: readonly number[];
  /** Highest resident size during the steps, above idle. */
  readonly peakGrowthBytes: number;
  /** Resident size after one step with one sample. */
  readonly idleBytes: number;
  /** Version of the library that ran. */
  readonly version: string;
}

/** What the child process can be asked. */
export interface TfjsCalls {
  readonly timeStep: { readonly request: TfjsStepOptions; readonly answer: StepTiming };
}

/** How the child process is run. */
export interface PeerOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/**
 * Trains a few steps with tfjs-node's own layers and autodiff in a process of its own: SGD, cross-entropy, random
 * images. Throws why that process ended without a result, `cancelled`.
 */
export async function timeTfjsStep(
  options: TfjsStepOptions,
  { environment, threads, signal }: PeerOptions,
): Promise<StepTiming> {
  await using peer = new CalledProcess<TfjsCalls>({
    name: "TensorFlow.js peer",
    entry: entryBeside("tfjs-step-main", import.meta.url),
    environment: {
      ...environment,
      TF_CPP_MIN_LOG_LEVEL: "2",
      ...(threads === undefined ? {} : { TF_NUM_INTRAOP_THREADS: String(threads) }),
    },
    execArgv: ["--expose-gc"],
    graceMs: 0,
  });
  return await peer.call("timeStep", options, { signal });
}
