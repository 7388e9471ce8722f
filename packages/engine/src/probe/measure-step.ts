import { given, type Measured, type RetrainConfig } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { sampleShapes } from "../model/graph-shapes.ts";
import { elementsOf, type Model } from "../model/model-graph.ts";
import type { Samples } from "../training/batches.ts";
import type { TrainingSetup } from "../training/task.ts";
import { type StepReport, stepTimes } from "../training/train-loop.ts";
import { EngineWorker } from "../worker/engine-worker.ts";
import type { LoadReport } from "../worker/messages.ts";
import type { WorkerEnvironmentOptions } from "../worker/worker-environment.ts";
import { CALM_SHARE, othersShare, readCpu } from "./timing/cpu-contention.ts";

/** What is measured, and how its processes run. */
export interface StepTask extends WorkerEnvironmentOptions {
  readonly model: Model;
  readonly training: Pick<TrainingSetup, "loss" | "optimizer">;
  /** Real samples to run on; absent: random numbers of the same shape. */
  readonly samples?: Samples;
  readonly seed: number;
}

/** A step that was measured in a process of its own. */
export interface MeasuredStep {
  readonly sample: Measured;
  readonly loaded: LoadReport;
  /** Share of the processor that others took during what was timed; absent: not known. */
  readonly othersCpuShare?: number;
}

/** Steps that are timed after the first, which meets its batch size for the first time: about this long together. */
const TIMED_MS = 400;
const MIN_TIMED_STEPS = 2;
const MAX_TIMED_STEPS = 32;
/** Timings of one config, at most, when others disturb it; and how long they may take together. */
const MAX_ATTEMPTS = 3;
const PATIENCE_MS = 1500;
const SAMPLES = "probe";

/**
 * A worker that is ready to run the steps of a config. Dispose of it: memory is measured of the first config that its
 * process runs only, since the allocator's pool keeps what it took.
 */
export class PreparedStep implements AsyncDisposable {
  readonly #task: StepTask;
  readonly #worker: EngineWorker;
  #config: RetrainConfig;
  #loaded: LoadReport;
  #isFirst = true;

  private constructor(task: StepTask, worker: EngineWorker, config: RetrainConfig, loaded: LoadReport) {
    this.#task = task;
    this.#worker = worker;
    this.#config = config;
    this.#loaded = loaded;
  }

  /** Starts a worker and loads the model. Throws what the worker throws: `over-memory-cap`, `cancelled`, ... */
  static async start(task: StepTask, config: RetrainConfig, signal?: AbortSignal): Promise<PreparedStep> {
    const call = given({ signal });
    const { environment, threads, memoryCapBytes, oomScoreAdjust } = task;
    const options = { environment, ...given({ threads, memoryCapBytes, oomScoreAdjust }) };
    const worker = await EngineWorker.start(options, call);
    try {
      return new PreparedStep(task, worker, config, await load(worker, task, config, call));
    } catch (error) {
      await worker.close();
      throw error;
    }
  }

  /** Takes another config into the same process: far sooner than a new one would, but only its time is measured. */
  async reload(config: RetrainConfig, signal?: AbortSignal): Promise<void> {
    this.#isFirst = false;
    this.#loaded = await load(this.#worker, this.#task, config, given({ signal }));
    this.#config = config;
  }

  /**
   * Runs one step, and then those that are timed. Where others took the processor meanwhile they are timed again, a few
   * times; those that were disturbed least count. Memory is that of the first run.
   */
  async measure(timedSteps: number, signal?: AbortSignal): Promise<MeasuredStep> {
    const began = performance.now();
    const first = await this.#run(1 + timedSteps, signal);
    let best: TimedRun = first;
    const isCalm = (): boolean => timedSteps === 0 || (best.othersCpuShare ?? 0) <= CALM_SHARE;
    for (let attempt = 1; attempt < MAX_ATTEMPTS && !isCalm(); attempt++) {
      if (performance.now() - began > PATIENCE_MS) break;
      const again = await this.#run(timedSteps, signal);
      if ((again.othersCpuShare ?? 1) < (best.othersCpuShare ?? 1)) best = again;
    }
    return {
      loaded: this.#loaded,
      ...(best.othersCpuShare === undefined ? {} : { othersCpuShare: best.othersCpuShare }),
      sample: {
        config: this.#config,
        plannedBytes: this.#loaded.plannedBytes,
        ...(this.#isFirst ? { peakBytes: first.peakBytes } : {}),
        // Where none is timed, the first is all that is known.
        stepMs: best === first && timedSteps > 0 ? stepTimes(first.steps) : best.steps.map(({ ms }) => ms),
      },
    };
  }

  async #run(steps: number, signal: AbortSignal | undefined): Promise<TimedRun> {
    const run = {
      steps,
      // The learning rate is zero, but everything runs as in training.
      learningRate: { kind: "constant", rate: 0 },
      seed: 0,
      shuffle: false,
    } as const;
    const call = given({ signal });
    const workers = this.#worker.pid === undefined ? [] : [this.#worker.pid];
    const before = readCpu(workers);
    const report = await this.#worker.call("train", { samples: SAMPLES, run }, call);
    const othersCpuShare = othersShare(before, readCpu(workers));
    return { ...report, ...given({ othersCpuShare }) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.close();
  }
}

async function load(
  worker: EngineWorker,
  task: StepTask,
  config: RetrainConfig,
  call: { readonly signal?: AbortSignal },
): Promise<LoadReport> {
  // As in windows: small micro-batches take a little longer where they are normalised by moving statistics.
  const training = { ...task.training, config, replacesStatistics: true };
  const loaded = await worker.load({ ...task.model, training }, call);
  const count = config.microBatch * config.accumulation;
  await worker.setSamples(SAMPLES, samplesFor(task, count), call);
  return loaded;
}

interface TimedRun {
  readonly steps: readonly StepReport[];
  readonly peakBytes: number;
  readonly othersCpuShare?: number;
}

/** Measures one config in a process of its own. `timedSteps` after the first one; default: the fewest that are used. */
export async function measureStep(
  task: StepTask,
  config: RetrainConfig,
  { signal, timedSteps = MIN_TIMED_STEPS }: { readonly signal?: AbortSignal; readonly timedSteps?: number } = {},
): Promise<MeasuredStep> {
  await using prepared = await PreparedStep.start(task, config, signal);
  return await prepared.measure(timedSteps, signal);
}

/** How many steps are timed when one is expected to take `expectedMs`. */
export function timedStepsFor(expectedMs: number): number {
  return Math.min(MAX_TIMED_STEPS, Math.max(MIN_TIMED_STEPS, Math.ceil(TIMED_MS / Math.max(1, expectedMs))));
}

/** Random samples that are drawn; more are these again: numbers cost as much to draw as to train on. */
const DRAWN = 16;

/** So many samples: real ones or random ones, again and again where they are too few. */
function samplesFor({ model, samples, seed }: StepTask, count: number): Samples {
  const [shape = []] = sampleShapes(model.graph).values();
  const size = elementsOf(shape);
  const source = samples ?? randomSamples(size, seed);
  const images = new Float32Array(count * size);
  const labels = new Int32Array(count);
  for (let index = 0; index < count; index++) {
    const from = index % source.count;
    images.set(source.images.subarray(from * size, (from + 1) * size), index * size);
    labels[index] = source.labels?.[from] ?? 0;
  }
  return { images, labels, count };
}

function randomSamples(size: number, seed: number): Samples {
  const random = createRandom(seed);
  return { images: Float32Array.from({ length: DRAWN * size }, () => random.uniform()), count: DRAWN };
}
