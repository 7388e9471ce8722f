import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { MpoError } from "@mpo/core";

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

/** How the child process is run. */
export interface PeerOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/**
 * Trains a few steps with tfjs-node's own layers and autodiff in a process of its own: SGD, cross-entropy, random
 * images. Throws `worker-crashed` when that process ends without a result, `cancelled`.
 */
export async function timeTfjsStep(
  options: TfjsStepOptions,
  { environment, threads, signal }: PeerOptions,
): Promise<StepTiming> {
  signal?.throwIfAborted();
  const entry = import.meta.url.endsWith(".ts") ? "./tfjs-step-main.ts" : "./tfjs-step-main.js";
  const child = fork(fileURLToPath(new URL(entry, import.meta.url)), [JSON.stringify(options)], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: {
      ...environment,
      TF_CPP_MIN_LOG_LEVEL: "2",
      ...(threads === undefined ? {} : { TF_NUM_INTRAOP_THREADS: String(threads) }),
    },
    execArgv: [...process.execArgv, "--expose-gc"],
  });
  let result: StepTiming | undefined;
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-2000);
  });
  child.on("message", (message) => {
    result = message as StepTiming;
  });
  const onAbort = (): void => void child.kill("SIGKILL");
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const [code, killedBy] = (await once(child, "close")) as [number | null, string | null];
    if (result !== undefined) return result;
    if (signal?.aborted) throw new MpoError("cancelled", "the comparison was cancelled");
    const how = killedBy === null ? `exit code ${code}` : `signal ${killedBy}`;
    throw new MpoError("worker-crashed", `plain TensorFlow.js ended with ${how}: ${stderr.trim().slice(-500)}`);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}
