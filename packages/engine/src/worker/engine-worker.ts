import { tmpdir } from "node:os";
import { formatBytes, given, LOADING_BYTES, MpoError, OUTSIDE_POOL_BYTES } from "@mpo/core";
import {
  CalledProcess,
  collectGarbage,
  entryBeside,
  type CallOptions as ProcessCallOptions,
  throwIfAborted,
} from "@mpo/io";
import type { ModelGraph, ModelWeights } from "../model/model-graph.ts";
import { findEngine } from "../session/engine-place.ts";
import { withStagedWeights } from "../session/stage-weights.ts";
import type { Samples } from "../training/batches.ts";
import type { StepReport } from "../training/train-loop.ts";
import { isCapExit, overCap } from "./cap-exit.ts";
import type { LoadReport, WorkerCallKind, WorkerCalls } from "./messages.ts";
import { ResidentWatch } from "./resident-watch.ts";
import { type WorkerEnvironmentOptions, workerEnvironment } from "./worker-environment.ts";

/**
 * How a worker process is started. What exceeds `memoryCapBytes` fails as `over-memory-cap`; so does a process that holds
 * more than this and what it was sent, whoever allocated it: it is killed within about 50 ms.
 */
export interface WorkerOptions extends WorkerEnvironmentOptions {
  /** Where weights lie for a moment on their way into the worker; default: the system's. */
  readonly temporaryFolder?: string;
}

interface ModelToLoad extends Omit<WorkerCalls["load"]["request"], "weightsFolder"> {
  readonly weights: ModelWeights;
}

export type CallOptions = ProcessCallOptions<StepReport>;

const KILL_GRACE_MS = 2000;
/** Copies of what is sent that exist at a time: as it came through the pipe, as values, as a batch of them. */
const COPIES = 3;
/** Values in one message, of images: 1 MiB. */
const PART_VALUES = 2 ** 18;

/**
 * A child process that runs TensorFlow. Whatever happens to it (crash, kill, memory cap) ends in a rejected call with an
 * `MpoError`, never in a crash of this process. Close it when done; it also ends when this process does.
 */
export class EngineWorker implements AsyncDisposable {
  readonly #process: CalledProcess<WorkerCalls>;
  readonly #capBytes: number | undefined;
  readonly #temporaryFolder: string;
  #watch: ResidentWatch | undefined;
  #graph: ModelGraph | undefined;

  private constructor(options: WorkerOptions) {
    const { memoryCapBytes: capBytes, temporaryFolder = tmpdir() } = options;
    this.#capBytes = capBytes;
    this.#temporaryFolder = temporaryFolder;
    this.#process = new CalledProcess({
      name: "worker",
      entry: entryBeside("worker-main", import.meta.url),
      environment: workerEnvironment(options),
      // Idle memory is measured after a collection, else it includes what loading has left. JavaScript has little to do here.
      execArgv: ["--expose-gc", "--optimize-for-size"],
      graceMs: KILL_GRACE_MS,
      explainEnd: (end) => {
        if (!isCapExit(end, capBytes !== undefined)) return undefined;
        return overCap(`the worker needed more than its memory cap of ${formatBytes(Number(capBytes))}`);
      },
    });
  }

  /** Starts a worker and waits until it has loaded TensorFlow. */
  static async start(
    options: WorkerOptions,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<EngineWorker> {
    throwIfAborted(signal);
    // The worker would only end with the text of a module that it cannot find.
    findEngine(options.environment);
    const worker = new EngineWorker(options);
    try {
      await worker.call("memory", { resetPeak: false }, { signal, graceMs: 0 });
      worker.#beginWatch();
    } catch (error) {
      await worker.close();
      throw error;
    }
    return worker;
  }

  /** Process id, for metering and for tests that kill it. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Calls the worker. Rejects with an `MpoError`: what it answered, why it ended (`over-memory-cap`, ...), `timed-out`, `cancelled`. */
  async call<Kind extends WorkerCallKind>(
    kind: Kind,
    body: WorkerCalls[Kind]["request"],
    options: CallOptions = {},
  ): Promise<WorkerCalls[Kind]["answer"]> {
    if (kind === "timeUnits") {
      const { images } = body as WorkerCalls["timeUnits"]["request"];
      this.#grant("images", images?.byteLength ?? 0);
      // Nothing is loaded before, so that loading and running are one.
      this.#watch?.grant("timing", OUTSIDE_POOL_BYTES);
    }
    return await this.#process.call(kind, body, options);
  }

  /** Replaces the samples that `train` and `evaluate` use under a name. Images go in parts: each exists a few times on its way. */
  async setSamples(name: string, samples: Samples, options: CallOptions = {}): Promise<void> {
    const { images, labels, count } = samples;
    this.#grant(`samples ${name}`, images.byteLength + (labels?.byteLength ?? 0));
    const first = { count, images: images.subarray(0, PART_VALUES), ...given({ labels }) };
    await this.call("samples", { name, samples: first, values: images.length }, options);
    for (let at = PART_VALUES; at < images.length; at += PART_VALUES) {
      await this.call("moreSamples", { name, at, images: images.subarray(at, at + PART_VALUES) }, options);
      // Where it is small, this process's memory counts too.
      collectGarbage("new");
    }
  }

  /** Loads a model (see the `load` call), with weights in memory of this process. */
  async load({ graph, weights, training, isOnly }: ModelToLoad, options: CallOptions = {}): Promise<LoadReport> {
    // The pool's cap holds the variables; weights that are read out are copies outside.
    this.#grant(
      "weights",
      [...weights.values()].reduce((sum, { byteLength }) => sum + byteLength, 0),
    );
    const report = await withStagedWeights(graph, weights, this.#temporaryFolder, (weightsFolder) =>
      this.call("load", { graph, weightsFolder, ...given({ training, isOnly }) }, options),
    );
    // Later loads find the pool as large as it became: what it holds then is not a new measurement.
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
    await this.#process.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #beginWatch(): void {
    const { pid } = this.#process;
    if (this.#capBytes === undefined || pid === undefined) return;
    const watch = new ResidentWatch({
      pid,
      allowanceBytes: this.#capBytes + LOADING_BYTES,
      onOver: (grownBytes, allowedBytes) => {
        const text = `the worker took ${formatBytes(grownBytes)} on top of its libraries; its memory cap allows ${formatBytes(allowedBytes)}`;
        this.#process.end(overCap(text));
      },
    });
    this.#watch = watch;
    void this.#process.ended.then(() => watch[Symbol.dispose]());
  }

  /** Allows the worker its copies of what it is sent. */
  #grant(name: string, bytes: number): void {
    this.#watch?.grant(name, COPIES * bytes);
  }
}
