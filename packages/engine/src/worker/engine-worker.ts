import { type ChildProcess, fork } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { LOADING_BYTES, MpoError, OUTSIDE_POOL_BYTES } from "@mpo/core";
import type { ModelGraph, ModelWeights } from "../model/model-graph.ts";
import { withStagedWeights } from "../session/stage-weights.ts";
import type { TrainingSetup } from "../training/task.ts";
import type { StepReport } from "../training/train-loop.ts";
import { isCapExit } from "./cap-exit.ts";
import type { FromWorker, LoadReport, WorkerCallKind, WorkerCalls } from "./messages.ts";
import { ResidentWatch } from "./resident-watch.ts";
import { workerEnvironment } from "./worker-environment.ts";

/** How a worker process is started. */
export interface WorkerOptions {
  /**
   * Hard limit of TensorFlow's allocator in bytes: what exceeds it fails as `over-memory-cap`. So does a process that holds
   * more than this and what it was sent, whoever allocated it: it is killed within about 50 ms. Absent: no limit.
   */
  readonly memoryCapBytes?: number;
  /** Threads inside an operation; default: all cores. */
  readonly threads?: number;
  /** Environment to start from, usually `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where weights lie for a moment on their way into the worker; default: the system's. */
  readonly temporaryFolder?: string;
  /** How readily the system's memory killer takes the worker, -1000..1000; default 500, so that others live. */
  readonly oomScoreAdjust?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** The worker is killed when the call takes longer. */
  readonly timeoutMs?: number;
  readonly onProgress?: (report: StepReport) => void;
}

const KILL_GRACE_MS = 2000;
/** Copies of what is sent that exist at a time: as it came through the pipe, as values, as a batch of them. */
const COPIES = 3;
const CAP_HINT = "Choose a smaller micro-batch, more freezing or more checkpoints, or a higher cap.";

/**
 * A child process that runs TensorFlow. Whatever happens to it (crash, kill, memory cap) ends in a rejected call with an
 * `MpoError`, never in a crash of this process. Close it when done; it also ends when this process does.
 */
export class EngineWorker {
  readonly #child: ChildProcess;
  readonly #capBytes: number | undefined;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  readonly #temporaryFolder: string;
  #watch: ResidentWatch | undefined;
  #graph: ModelGraph | undefined;
  #nextId = 1;
  #isClosing = false;
  #end: MpoError | undefined;
  #stderr = "";

  private constructor(child: ChildProcess, options: WorkerOptions) {
    this.#child = child;
    this.#capBytes = options.memoryCapBytes;
    this.#temporaryFolder = options.temporaryFolder ?? tmpdir();
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4000);
    });
    child.on("message", (message) => this.#onMessage(message as FromWorker));
    child.on("error", (cause) => this.#finish(new MpoError("worker-crashed", `worker: ${cause.message}`, { cause })));
    this.#exited = new Promise((resolve) => {
      child.on("exit", (code, signal) => {
        this.#finish(this.#isClosing ? closedError() : this.#exitError(code, signal));
        resolve();
      });
    });
  }

  /** Starts a worker and waits until it has loaded TensorFlow. */
  static async start(
    options: WorkerOptions,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<EngineWorker> {
    if (signal?.aborted === true) throw cancelledError();
    const entry = import.meta.url.endsWith(".ts") ? "./worker-main.ts" : "./worker-main.js";
    const child = fork(fileURLToPath(new URL(entry, import.meta.url)), {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: workerEnvironment(options),
      // Idle memory is measured after a collection, else it holds what loading has left behind.
      execArgv: [...process.execArgv, "--expose-gc"],
    });
    const worker = new EngineWorker(child, options);
    try {
      await worker.#register(0, { ...(signal === undefined ? {} : { signal }) });
      worker.#beginWatch();
    } catch (error) {
      await worker.close();
      throw error;
    }
    return worker;
  }

  /** Process id, for metering and for tests that kill it. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Calls the worker. Rejects with an `MpoError`: what it answered, or `worker-crashed`, `over-memory-cap`, `timed-out`, `cancelled`. */
  async call<Kind extends WorkerCallKind>(
    kind: Kind,
    body: WorkerCalls[Kind]["request"],
    options: CallOptions = {},
  ): Promise<WorkerCalls[Kind]["answer"]> {
    if (options.signal?.aborted === true) throw cancelledError();
    if (kind === "samples") this.#grantSamples(body as WorkerCalls["samples"]["request"]);
    const id = this.#nextId++;
    const answer = this.#register(id, options);
    if (this.#child.connected) {
      // A failure to send ends the child, which rejects the call.
      this.#child.send({ id, kind, body }, (error) => {
        if (error !== null) this.#finish(new MpoError("worker-crashed", `worker: ${error.message}`, { cause: error }));
      });
    }
    return (await answer) as WorkerCalls[Kind]["answer"];
  }

  /** Loads a model (see the `load` call), with weights in memory of this process. */
  async load(
    { graph, weights, training }: { graph: ModelGraph; weights: ModelWeights; training?: TrainingSetup },
    options: CallOptions = {},
  ): Promise<LoadReport> {
    this.#grantWeights(weights);
    const report = await withStagedWeights(graph, weights, this.#temporaryFolder, (weightsFolder) =>
      this.call("load", { graph, weightsFolder, ...(training === undefined ? {} : { training }) }, options),
    );
    // Later loads find the pool as large as it became: what it holds then is no new measure.
    if (this.#graph === undefined) this.#watch?.rebase((this.#capBytes ?? 0) + OUTSIDE_POOL_BYTES);
    this.#graph = graph;
    return report;
  }

  /** Replaces the loaded model's weights; optimizer state stays. */
  async assignWeights(weights: ModelWeights, options: CallOptions = {}): Promise<void> {
    const graph = this.#graph;
    if (graph === undefined) throw new MpoError("precondition-failed", "no model is loaded");
    await withStagedWeights(graph, weights, this.#temporaryFolder, (weightsFolder) =>
      this.call("assignWeights", { weightsFolder }, options),
    );
  }

  /** Asks the worker to end, kills it if it does not, and waits until it is gone. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      if (this.#child.connected) this.#child.disconnect();
      const timer = setTimeout(() => this.#child.kill("SIGKILL"), KILL_GRACE_MS);
      await this.#exited;
      clearTimeout(timer);
    }
    this.#finish(closedError());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #beginWatch(): void {
    const { pid } = this.#child;
    if (this.#capBytes === undefined || pid === undefined) return;
    this.#watch = new ResidentWatch({
      pid,
      allowanceBytes: this.#capBytes + LOADING_BYTES,
      onOver: (grownBytes, allowedBytes) => {
        const text = `the worker took ${grownBytes} bytes beside its libraries; its memory cap allows ${allowedBytes}`;
        this.#finish(new MpoError("over-memory-cap", text, { hint: CAP_HINT }));
        this.#child.kill("SIGKILL");
      },
    });
  }

  #grantSamples({ name, samples }: WorkerCalls["samples"]["request"]): void {
    const labelBytes = samples.labels?.byteLength ?? 0;
    this.#watch?.grant(`samples ${name}`, COPIES * (samples.images.byteLength + labelBytes));
  }

  /** The pool's cap holds the variables; weights that are read out are copies outside. */
  #grantWeights(weights: ModelWeights): void {
    const bytes = [...weights.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#watch?.grant("weights", COPIES * bytes);
  }

  #register(id: number, options: CallOptions): Promise<unknown> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        if (this.#child.connected) this.#child.send({ id, kind: "cancel" });
        // A step cannot be interrupted: when it does not end soon, its process does.
        killTimer = setTimeout(() => this.#child.kill("SIGKILL"), KILL_GRACE_MS);
      };
      let killTimer: NodeJS.Timeout | undefined;
      const timer =
        options.timeoutMs === undefined
          ? undefined
          : setTimeout(() => {
              this.#finish(new MpoError("timed-out", `the worker did not answer within ${options.timeoutMs} ms`));
              this.#child.kill("SIGKILL");
            }, options.timeoutMs);
      const settle = (): void => {
        clearTimeout(timer);
        clearTimeout(killTimer);
        options.signal?.removeEventListener("abort", onAbort);
      };
      options.signal?.addEventListener("abort", onAbort, { once: true });
      const isCancelled = (): boolean => options.signal?.aborted === true;
      this.#pending.set(id, { resolve, reject, settle, onProgress: options.onProgress, isCancelled });
      if (isCancelled()) onAbort();
    });
  }

  #onMessage(message: FromWorker): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    if (message.kind === "progress") {
      pending.onProgress?.(message.report);
      return;
    }
    this.#pending.delete(message.id);
    pending.settle();
    if (message.kind === "error") {
      const { code, message: text, hint } = message.error;
      pending.reject(new MpoError(code, text, hint === undefined ? {} : { hint }));
    } else if (pending.isCancelled()) {
      pending.reject(cancelledError());
    } else {
      pending.resolve(message.kind === "answer" ? message.body : null);
    }
  }

  #finish(error: MpoError): void {
    this.#watch?.[Symbol.dispose]();
    this.#end ??= error;
    for (const pending of this.#pending.values()) {
      pending.settle();
      pending.reject(pending.isCancelled() ? cancelledError() : this.#end);
    }
    this.#pending.clear();
  }

  #exitError(code: number | null, signal: NodeJS.Signals | null): MpoError {
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    if (isCapExit({ code, signal, stderr: this.#stderr, isCapped: this.#capBytes !== undefined })) {
      const text = `the worker needed more than its memory cap of ${this.#capBytes} bytes`;
      return new MpoError("over-memory-cap", text, { hint: CAP_HINT });
    }
    const tail = this.#stderr.trim().split("\n").slice(-3).join(" | ");
    return new MpoError("worker-crashed", `the worker ended with ${how}${tail === "" ? "" : `: ${tail}`}`);
  }
}

function cancelledError(): MpoError {
  return new MpoError("cancelled", "the work was cancelled");
}

function closedError(): MpoError {
  return new MpoError("cancelled", "the worker is closed");
}

interface Pending {
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: MpoError) => void;
  readonly settle: () => void;
  readonly onProgress: ((report: StepReport) => void) | undefined;
  readonly isCancelled: () => boolean;
}
