import { MpoError, planStep, residentGrowth, type StepMemoryFacts, type StepPlan } from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import { compileProgram } from "../compiler/compile-program.ts";
import { stepMemoryFacts } from "../compiler/memory-facts.ts";
import { sampleShapes } from "../model/graph-shapes.ts";
import { elementsOf, type ModelGraph, type SampleShape } from "../model/model-graph.ts";
import { readMemory, resetMemoryPeak } from "../session/memory-meter.ts";
import { ProgramSession } from "../session/program-session.ts";
import { tensorflowVersion } from "../session/tensorflow.ts";
import { BatchFeed, type Samples } from "../training/batches.ts";
import type { TrainingSetup } from "../training/task.ts";
import { runTraining, type StepReport } from "../training/train-loop.ts";
import type { LoadReport, TrainReport, WorkerCalls } from "./messages.ts";

/**
 * Address space reserved for the allocator's pool, as a multiple of weights and planned growth: so much that the pool
 * never reaches the region's end, where it would fit worse than planned. Only what is used becomes resident.
 */
const RESERVE_FACTOR = 3;
const RESERVE_EXTRA_BYTES = 256 * 1024 * 1024;

/** The model that a worker has loaded, and what it can do with it. Calls block; the worker process is there for that. */
export class WorkerState {
  readonly #temporaryFolder: string;
  readonly #samples = new Map<string, Samples>();
  #loaded: Loaded | undefined;

  constructor(temporaryFolder: string) {
    this.#temporaryFolder = temporaryFolder;
  }

  load({ graph, weightsFolder, training }: WorkerCalls["load"]["request"]): LoadReport {
    const began = performance.now();
    this.#loaded?.session.close();
    this.#loaded = undefined;
    const shape = inputShape(graph);
    const planned = training === undefined ? undefined : plan(graph, training);
    const program = compileProgram({
      graph,
      ...(planned === undefined || training === undefined ? {} : { training: { ...training, plan: planned.plan } }),
    });
    const session = new ProgramSession(program, shape, this.#temporaryFolder);
    try {
      if (planned !== undefined)
        session.reserve((planned.growthBytes + planned.weightBytes) * RESERVE_FACTOR + RESERVE_EXTRA_BYTES);
      session.assignFrom(weightsFolder);
      if (planned !== undefined) {
        session.initialiseTraining();
        // One sample, weight zero: everything that is made once (kernels, executors) is there before memory is measured.
        const one = { images: new Float32Array(elementsOf(shape)), count: 1 };
        session.microStep(one, { learningRate: 0, sampleWeight: 0, seed: 0, holdStatistics: true });
        if (planned.plan.config.accumulation > 1) session.apply(0);
      }
    } catch (error) {
      session.close();
      throw error;
    }
    globalThis.gc?.();
    const idleBytes = readMemory().residentBytes;
    this.#loaded = { session, shape, training, planned, idleBytes };
    return {
      idleBytes,
      stateBytes: planned?.stateBytes ?? 0,
      plannedPeakBytes: planned?.growthBytes ?? 0,
      tensorflowVersion: tensorflowVersion(),
      loadMs: performance.now() - began,
    };
  }

  setSamples(name: string, samples: Samples): void {
    this.#samples.set(name, samples);
  }

  async train(
    { samples, run }: WorkerCalls["train"]["request"],
    onStep: (report: StepReport) => void,
    isCancelled: () => boolean,
  ): Promise<TrainReport> {
    const { session, shape, training, planned } = this.#require();
    if (training === undefined || planned === undefined) {
      throw new MpoError("precondition-failed", "the model was loaded without a training setup");
    }
    const steps: StepReport[] = [];
    let wasCancelled = false;
    const feed = new BatchFeed(this.#named(samples), shape, training.config, run);
    globalThis.gc?.();
    const idleBytes = readMemory().residentBytes;
    resetMemoryPeak();
    await runTraining(session, planned.plan, training, feed, run, (report) => {
      steps.push(report);
      onStep(report);
      wasCancelled = isCancelled();
      return !wasCancelled;
    });
    const peakGrowthBytes = readMemory().peakBytes - idleBytes + planned.stateBytes;
    return { steps, peakGrowthBytes, wasCancelled };
  }

  evaluate({ samples, batch, features }: WorkerCalls["evaluate"]["request"]): WorkerCalls["evaluate"]["answer"] {
    const { session, shape } = this.#require();
    const { images, count } = this.#named(samples);
    const sampleSize = elementsOf(shape);
    const logits: Float32Array[] = [];
    const found: Float32Array[] = [];
    for (let from = 0; from < count; from += batch) {
      const to = Math.min(from + batch, count);
      const part = { images: images.subarray(from * sampleSize, to * sampleSize), count: to - from };
      if (features) {
        const result = session.features(part);
        logits.push(Float32Array.from(result.logits));
        found.push(Float32Array.from(result.features));
      } else {
        logits.push(Float32Array.from(session.logits(part)));
      }
    }
    return { logits: joined(logits), features: features ? joined(found) : undefined };
  }

  session(): ProgramSession {
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

  #named(name: string): Samples {
    const samples = this.#samples.get(name);
    if (samples === undefined) throw new MpoError("not-found", `the worker has no samples named ${name}`);
    return samples;
  }
}

interface Loaded {
  readonly session: ProgramSession;
  readonly shape: SampleShape;
  readonly training: TrainingSetup | undefined;
  readonly planned: Planned | undefined;
  readonly idleBytes: number;
}

interface Planned {
  readonly plan: StepPlan;
  readonly growthBytes: number;
  readonly stateBytes: number;
  readonly weightBytes: number;
}

function plan(graph: ModelGraph, training: TrainingSetup): Planned {
  const chain = chainOf(graph);
  const stepPlan = planStep(chain, training.config);
  const facts: StepMemoryFacts = stepMemoryFacts(chain, training);
  const trainedBytes = chain.parameters.reduce((sum, { id, bytes }) => (stepPlan.frozen[id] ? sum : sum + bytes), 0);
  const copies = facts.slotsPerParameter + (training.config.accumulation > 1 ? 1 : 0);
  const weightBytes = chain.parameters.reduce((sum, { bytes }) => sum + bytes, 0);
  const growthBytes = residentGrowth(stepPlan, facts);
  return { plan: stepPlan, growthBytes, stateBytes: trainedBytes * copies, weightBytes };
}

function inputShape(graph: ModelGraph): SampleShape {
  return sampleShapes(graph).get((graph.nodes[0] as { name: string }).name) as SampleShape;
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
