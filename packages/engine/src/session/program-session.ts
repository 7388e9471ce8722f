import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { FEEDS, FETCHES, type Program } from "../compiler/program.ts";
import { encodeSavedModel } from "../graph/graph-proto.ts";
import { toModelInput } from "../model/input-form.ts";
import { elementsOf, type ModelWeights } from "../model/model-graph.ts";
import { closeSession, type HostTensor, openSession, runSession } from "./tensorflow.ts";

/** Elements of a tensor whose number TensorFlow still gives as an int32: 8 GiB of float32. */
const MOST_ELEMENTS = 2 ** 31 - 2;

/** One micro-batch on its way into the step. */
export interface MicroBatch {
  /** float32 `[count, ...sample shape]` of 0..1. */
  readonly images: Float32Array;
  /** -1: no label. Absent: none has one. */
  readonly labels?: Int32Array;
  readonly count: number;
}

export interface MicroStepSettings {
  readonly learningRate: number;
  /** 1 / effective batch. */
  readonly sampleWeight: number;
  /** Mean of the latest predictions, `[classes]`. Default: there are none. */
  readonly meanPrediction?: Float32Array | undefined;
  readonly seed: number;
  /** Of each move of the moving statistics, what is made: 0 holds them still (warming up). Default: 1. */
  readonly statisticsShare?: number;
  /** Of the square of the step's gradient, what is added to the importance that an anchor knows. Default: 0. */
  readonly importanceShare?: number;
}

export interface MicroStepResult {
  /** This micro-batch's part of the mean loss. */
  readonly loss: number;
  /** Mean prediction over the micro-batch, `[classes]`. */
  readonly prediction: Float32Array;
}

/** A compiled program with its variables in a TensorFlow session of its own. Runs block; use it in a worker process. */
export class ProgramSession {
  readonly program: Program;
  readonly #encoded: Uint8Array;
  readonly #sessionId: number;
  /** A batch as the model takes it; overwritten by the next. */
  #prepared = new Float32Array(0);
  #isOpen = true;

  /** Loads the program. `temporaryFolder` holds the graph's file while it loads. */
  constructor(program: Program, temporaryFolder: string) {
    this.program = program;
    this.#encoded = encodeSavedModel(program.nodes);
    const folder = mkdtempSync(join(temporaryFolder, "mpo-graph-"));
    try {
      writeFileSync(join(folder, "saved_model.pb"), this.#encoded);
      this.#sessionId = openSession(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Whether another program is the same graph, whatever its plan says of micro-batches: this session can run it. */
  canRun(program: Program): boolean {
    const [wanted, own] = [program, this.program].map(({ input }) => JSON.stringify(input));
    return wanted === own && Buffer.compare(encodeSavedModel(program.nodes), this.#encoded) === 0;
  }

  /** Sets all variables from a folder made by `stageWeights`. */
  assignFrom(folder: string): void {
    this.#run({ [FEEDS.weightsFolder]: { shape: [], data: folder } }, [FETCHES.assignDone]);
  }

  /**
   * Makes the allocator take one region of at least this size from the system, in address space only: it becomes
   * resident as it is used. In one region the pool's growth is what the plan's walk through the allocator says.
   */
  reserve(bytes: number): void {
    const elements = { shape: [1], data: Int32Array.of(Math.min(MOST_ELEMENTS, Math.ceil(bytes / 4))) };
    this.#run({ [FEEDS.reserveElements]: elements }, [FETCHES.reserveDone]);
  }

  /** Sets optimizer state and accumulators to zero: the memory of a training begins here. */
  initialiseTraining(): void {
    this.#run({ [FEEDS.initialState]: { shape: [], data: Float32Array.of(0) } }, [FETCHES.initDone]);
  }

  /** The same but for the weights of the load and their importance, which an anchor holds on to. */
  forgetTraining(): void {
    this.#run({ [FEEDS.initialState]: { shape: [], data: Float32Array.of(0) } }, [FETCHES.forgetDone]);
  }

  /** Values of all variables. */
  read(): ModelWeights {
    const values = this.#run(
      {},
      this.program.variables.map(({ read }) => read),
    );
    return new Map(this.program.variables.map(({ name }, index) => [name, values[index]!]));
  }

  /** Forward and backward over one micro-batch; with one micro-batch a step, the update too. */
  microStep(batch: MicroBatch, settings: MicroStepSettings): MicroStepResult {
    const [loss, prediction] = this.#run(this.#stepFeeds(batch, settings), [
      FETCHES.stepLoss,
      FETCHES.stepPrediction,
    ]) as [Float32Array, Float32Array];
    return { loss: loss[0]!, prediction: Float32Array.from(prediction) };
  }

  /** The same in a program that reads the time: seconds from the begin to the end of each of `timedParts`, after a 0. */
  timedMicroStep(batch: MicroBatch, settings: MicroStepSettings): Float32Array {
    const [clock] = this.#run(this.#stepFeeds(batch, settings), [FETCHES.clock, FETCHES.stepLoss]);
    return Float32Array.from(clock as Float32Array);
  }

  /** Moves the moving statistics by a micro-batch, and runs nothing else of its step. */
  takeStatistics(batch: MicroBatch, statisticsShare: number): void {
    const settings = { learningRate: 0, sampleWeight: 0, seed: 0, statisticsShare };
    this.#run(this.#stepFeeds(batch, settings), [FETCHES.statisticsDone]);
  }

  /** Steps the parameters from what the micro-batches accumulated. */
  apply(learningRate: number, importanceShare = 0): void {
    const scalar = (value: number): HostTensor => ({ shape: [], data: Float32Array.of(value) });
    const feeds = { [FEEDS.learningRate]: scalar(learningRate), [FEEDS.importanceShare]: scalar(importanceShare) };
    this.#run(feeds, [FETCHES.applyDone]);
  }

  /** `[count, classes]` in inference mode. */
  logits(batch: MicroBatch): Float32Array {
    return this.#run({ [FEEDS.images]: this.#images(batch) }, [FETCHES.logits])[0]!;
  }

  /** `[count, features]`: what the classifier reads, and the logits, in inference mode. */
  features(batch: MicroBatch): { readonly features: Float32Array; readonly logits: Float32Array } {
    if (!this.program.hasFeatures)
      throw new MpoError(
        "unsupported",
        "no dense layer, or 1x1 convolution, makes the logits of this model: there are no features to take",
      );
    const [features, logits] = this.#run({ [FEEDS.images]: this.#images(batch) }, [FETCHES.features, FETCHES.logits]);
    return { features: features as Float32Array, logits: logits as Float32Array };
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSession(this.#sessionId);
  }

  #stepFeeds(batch: MicroBatch, settings: MicroStepSettings): Readonly<Record<string, HostTensor>> {
    const labels = batch.labels ?? new Int32Array(batch.count).fill(-1);
    const meanPrediction = settings.meanPrediction ?? Float32Array.of(0);
    return {
      [FEEDS.images]: this.#images(batch),
      [FEEDS.labels]: { shape: [batch.count], data: labels },
      [FEEDS.learningRate]: { shape: [], data: Float32Array.of(settings.learningRate) },
      [FEEDS.sampleWeight]: { shape: [], data: Float32Array.of(settings.sampleWeight) },
      [FEEDS.meanPrediction]: { shape: [meanPrediction.length], data: meanPrediction },
      [FEEDS.seed]: { shape: [2], data: Int32Array.of(settings.seed, 0) },
      [FEEDS.statisticsShare]: { shape: [], data: Float32Array.of(settings.statisticsShare ?? 1) },
      [FEEDS.importanceShare]: { shape: [], data: Float32Array.of(settings.importanceShare ?? 0) },
    };
  }

  #images({ images, count }: MicroBatch): HostTensor {
    const { input } = this.program;
    const shape = [count, ...input.shape];
    if (images.length !== elementsOf(shape)) {
      throw new MpoError(
        "invalid-data",
        `a batch has ${images.length} values; expected ${elementsOf(shape)} [${shape}]`,
      );
    }
    const data = toModelInput(images, input, () => {
      if (this.#prepared.length < images.length) this.#prepared = new Float32Array(images.length);
      return this.#prepared.subarray(0, images.length);
    });
    return { shape, data };
  }

  #run(feeds: Readonly<Record<string, HostTensor>>, fetches: readonly string[]): readonly Float32Array[] {
    if (!this.#isOpen) throw new MpoError("internal", "the session is closed");
    return runSession(this.#sessionId, feeds, fetches);
  }
}
