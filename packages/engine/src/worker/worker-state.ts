import { given, MpoError, POOL_ALIGNMENT_BYTES, POOL_RESERVE, poolUse, WARM_UP_STEPS } from "@mpo/core";
import { collectGarbage } from "@mpo/io";
import { compileProgram } from "../compiler/compile-program.ts";
import type { Program } from "../compiler/program.ts";
import { elementsOf, type SampleShape } from "../model/model-graph.ts";
import { inputOf } from "../model/stated-input.ts";
import { readMemory, resetMemoryPeak } from "../session/memory-meter.ts";
import { ProgramSession } from "../session/program-session.ts";
import { tensorflowVersion } from "../session/tensorflow.ts";
import { BatchFeed, firstSamples, type Samples, samplesFrom } from "../training/batches.ts";
import { statisticsShareAt } from "../training/task.ts";
import { runTraining, type StepReport } from "../training/train-loop.ts";
import type { LoadReport, TrainReport, WorkerCalls } from "./messages.ts";
import { decaysSlots, type PlannedTraining, planTraining, programTraining } from "./planned-training.ts";

/**
 * Of a planned pool: with as much again behind it, no request meets the end, where the allocator hands out what is left as a
 * whole. The region's size costs a 32nd of it, resident: the allocator has a pointer for each 256 bytes (its RegionManager).
 */
const POOL_ROOM = 2;

/** A step with these moves nothing but statistics. */
const TRAINS_NOTHING = { learningRate: 0, sampleWeight: 0, seed: 0 } as const;

/** The model that a worker has loaded, and what it can do with it. Calls block; the worker process is there for that. */
export class WorkerState {
  readonly #temporaryFolder: string;
  readonly #samples = new Map<string, Samples>();
  /** Hard limit of TensorFlow's allocator; undefined: none. */
  readonly #capBytes: number | undefined;
  #isCapReserved = false;
  #loaded: Loaded | undefined;

  constructor(temporaryFolder: string, capBytes?: number) {
    this.#temporaryFolder = temporaryFolder;
    this.#capBytes = capBytes;
  }

  load({ graph, weightsFolder, training, isOnly }: WorkerCalls["load"]["request"]): LoadReport {
    const { shape } = inputOf(graph);
    const planned = training === undefined ? undefined : planTraining(graph, training);
    const session = this.#sessionOf(
      compileProgram({ graph, ...(planned === undefined ? {} : { training: programTraining(planned) }) }),
    );
    try {
      this.#reserve(session, planned, isOnly);
      session.assignFrom(weightsFolder);
      if (planned !== undefined) {
        session.initialiseTraining();
        // One sample, weight zero: everything that is made once (kernels, executors) is there before memory is measured.
        const one = { images: new Float32Array(elementsOf(shape)), count: 1 };
        // Two samples are the fewest that multiply matrices, for which the library makes 3 MiB of code, once. A step of one
        // sample never does, and its limit may not hold two.
        const count = Math.min(2, planned.plan.config.microBatch);
        session.logits({ images: new Float32Array(count * elementsOf(shape)), count });
        for (let step = 0; step < WARM_UP_STEPS; step++) {
          session.microStep(one, { ...TRAINS_NOTHING, statisticsShare: 0 });
          if (planned.plan.config.accumulation > 1) session.apply(0);
        }
        if (training?.replacesStatistics === true) session.takeStatistics(one, 0);
        forgetDecay(session, planned);
      }
    } catch (error) {
      session.close();
      throw error;
    }
    collectGarbage("all");
    this.#loaded = { session, shape, planned, stepsDone: 0 };
    return {
      idleBytes: readMemory().residentBytes,
      stateBytes: planned?.stateBytes ?? 0,
      plannedBytes: planned?.growthBytes ?? 0,
      tensorflowVersion: tensorflowVersion(),
    };
  }

  /** The session that is open already, if it can run the program: TensorFlow takes a second or more to prepare one. */
  #sessionOf(program: Program): ProgramSession {
    const open = this.#loaded?.session;
    this.#loaded = undefined;
    if (open?.canRun(program) === true) return open;
    open?.close();
    return new ProgramSession(program, this.#temporaryFolder);
  }

  /**
   * The pool is one region from the first load on. Under a cap it has the cap's size, and beyond it there is none; where no
   * other training comes, it is smaller than a cap that its plan does not need.
   */
  #reserve(session: ProgramSession, planned: PlannedTraining | undefined, isOnly = false): void {
    if (this.#capBytes !== undefined) {
      const enough = isOnly && planned ? POOL_ROOM * poolUse(planned.plan, planned.facts).peakBytes : this.#capBytes;
      const bytes = Math.min(enough, this.#capBytes);
      if (!this.#isCapReserved) session.reserve(Math.floor(bytes / POOL_ALIGNMENT_BYTES) * POOL_ALIGNMENT_BYTES);
      this.#isCapReserved = true;
    } else if (planned !== undefined) {
      // Only what is used becomes resident.
      session.reserve((planned.growthBytes + planned.weightBytes) * POOL_RESERVE.factor + POOL_RESERVE.bytes);
    }
  }

  /** `values`: of all their images, where more come. */
  setSamples(name: string, samples: Samples, values: number = samples.images.length): void {
    // Those that they replace may be as large.
    this.#samples.delete(name);
    const { images } = samples;
    const isWhole = values === images.length;
    const all = isWhole ? images : new Float32Array(values);
    if (!isWhole) all.set(images);
    this.#samples.set(name, { ...samples, images: all });
    collectGarbage("new");
  }

  moreSamples({ name, at, images }: WorkerCalls["moreSamples"]["request"]): void {
    this.#anyNamed(name).images.set(images, at);
    collectGarbage("new");
  }

  sameSamples({ name, of, count, labels }: WorkerCalls["sameSamples"]["request"]): void {
    const own = firstSamples(this.#anyNamed(of), count);
    this.#samples.set(name, { images: own.images, count, ...given({ labels }) });
  }

  async train(
    { samples, run }: WorkerCalls["train"]["request"],
    onStep: (report: StepReport) => void,
    isCancelled: () => boolean,
  ): Promise<TrainReport> {
    const loaded = this.#require();
    const { session, shape } = loaded;
    const planned = this.#requirePlanned();
    const steps: StepReport[] = [];
    const own = this.#named(samples, shape);
    collectGarbage("all");
    const idleBytes = readMemory().residentBytes;
    resetMemoryPeak();
    // What a step is fed is part of what it takes, and of its plan.
    const feed = new BatchFeed(own, shape, planned.plan.config, run);
    const { stepsDone } = loaded;
    await runTraining(session, planned.plan, planned.setup, feed, run, stepsDone, (report) => {
      loaded.stepsDone = stepsDone + report.step;
      steps.push(report);
      onStep(report);
      return !isCancelled();
    });
    // A step that fits into what is held already may seem to take less than nothing: Linux counts pages for each
    // processor and adds them up now and then, so that two readings are a few hundred kilobytes apart.
    const peakBytes = Math.max(0, readMemory().peakBytes - idleBytes) + planned.stateBytes;
    return { steps, peakBytes };
  }

  takeStatistics({ samples, most }: WorkerCalls["takeStatistics"]["request"]): void {
    const { session, shape } = this.#require();
    const { config } = this.#requirePlanned().plan;
    const { microBatch } = config;
    const some = firstSamples(this.#named(samples, shape), most);
    const feed = new BatchFeed(some, shape, config, { seed: 0, shuffle: true });
    for (let update = 0; update * microBatch < some.count; update++) {
      session.takeStatistics(feed.next(), statisticsShareAt(update, microBatch));
    }
  }

  takeImportance({ samples, share }: WorkerCalls["takeImportance"]["request"]): void {
    const { session, shape } = this.#require();
    const { config } = this.#requirePlanned().plan;
    const { microBatch, accumulation } = config;
    const feed = new BatchFeed(this.#named(samples, shape), shape, config, { seed: 0, shuffle: false });
    for (let micro = 0; micro < accumulation; micro++) {
      const importanceShare = accumulation === 1 ? share : 0;
      const held = { learningRate: 0, seed: 0, statisticsShare: 0 };
      session.microStep(feed.next(), { ...held, sampleWeight: 1 / (microBatch * accumulation), importanceShare });
    }
    if (accumulation > 1) session.apply(0, share);
    session.forgetTraining();
  }

  evaluate({ samples, batch, features }: WorkerCalls["evaluate"]["request"]): WorkerCalls["evaluate"]["answer"] {
    collectGarbage("new");
    const { session, shape } = this.#require();
    const { images, count } = this.#named(samples, shape);
    if (!Number.isSafeInteger(batch) || batch < 1) {
      throw new MpoError("invalid-argument", `evaluate: batch is ${batch}; expected a whole number of 1 or more`);
    }
    const logits: Float32Array[] = [];
    const found: Float32Array[] = [];
    for (let from = 0; from < count; from += batch) {
      const part = samplesFrom({ images, count }, from, batch);
      if (features) {
        const result = session.features(part);
        logits.push(result.logits);
        found.push(result.features);
      } else {
        logits.push(session.logits(part));
      }
    }
    return { logits: joined(logits), features: features ? joined(found) : undefined };
  }

  session(): ProgramSession {
    collectGarbage("new");
    return this.#require().session;
  }

  close(): void {
    this.#loaded?.session.close();
    this.#loaded = undefined;
  }

  #require(): Loaded {
    if (this.#loaded === undefined) throw new MpoError("precondition-failed", "no model is loaded");
    return this.#loaded;
  }

  #requirePlanned(): PlannedTraining {
    const { planned } = this.#require();
    if (planned !== undefined) return planned;
    throw new MpoError("precondition-failed", "the model was loaded without a training setup");
  }

  #anyNamed(name: string): Samples {
    const samples = this.#samples.get(name);
    if (samples === undefined) throw new MpoError("not-found", `the worker has no samples named ${name}`);
    return samples;
  }

  #named(name: string, shape: SampleShape): Samples {
    const samples = this.#anyNamed(name);
    const { images, labels, count } = samples;
    const expected = count * elementsOf(shape);
    if (images.length !== expected) {
      throw new MpoError(
        "invalid-data",
        `samples ${name} have ${images.length} values; expected ${expected} for ${count} samples of [${shape}]`,
      );
    }
    if (labels !== undefined && labels.length !== count) {
      throw new MpoError("invalid-data", `samples ${name} have ${labels.length} labels; expected ${count}`);
    }
    return samples;
  }
}

interface Loaded {
  readonly session: ProgramSession;
  readonly shape: SampleShape;
  readonly planned: PlannedTraining | undefined;
  /** Steps that the optimizer's state has seen. */
  stepsDone: number;
}

/** Weight decay goes into the slots whatever a sample's weight and the learning rate. */
function forgetDecay(session: ProgramSession, planned: PlannedTraining): void {
  if (decaysSlots(planned)) session.forgetTraining();
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}
