import { tmpdir } from "node:os";
import { given } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { chainOf } from "../../compiler/chain-of.ts";
import { compileProgram } from "../../compiler/compile-program.ts";
import { sampleShapes } from "../../model/graph-shapes.ts";
import { elementsOf, type SampleShape } from "../../model/model-graph.ts";
import { readMemory } from "../../session/memory-meter.ts";
import { type MicroBatch, ProgramSession } from "../../session/program-session.ts";
import { tensorflowVersion } from "../../session/tensorflow.ts";
import { othersShare, readCpu } from "./cpu-contention.ts";
import { timedPlan } from "./timed-plan.ts";
import type { PartTimes, UnitTimingReport, UnitTimingRequest } from "./unit-timing.ts";

const MS = 1000;
/** Small micro-batches are repeated within a round until they have seen about this many samples. */
const SAMPLES_IN_ROUND = 8;
const MAX_REPEATS = 4;
/** Micro-batches that are timed whatever the time. */
const LEAST_SIZES = 2;
/** A micro-batch is worth starting on when there is time for this many runs of it: the first, one that counts, smaller ones. */
const RUNS_AHEAD = 4;

/** Times the parts of a step at several micro-batches. Blocks; the worker process is there for that. */
export function timeParts(request: UnitTimingRequest): UnitTimingReport {
  const until = performance.now() + request.maxMs;
  const plan = timedPlan(chainOf(request.graph));
  const [shape = []] = sampleShapes(request.graph).values();
  const program = compileProgram({ graph: request.graph, training: { ...request.training, plan, isTimed: true } });
  const session = new ProgramSession(program, tmpdir());
  const steps: PartTimes[] = [];
  const applyMs: number[] = [];
  try {
    session.assignFrom(request.weightsFolder);
    session.initialiseTraining();
    const sizes = warmUp(session, request, shape, until);
    for (let round = 1; round <= request.rounds; round++) {
      const isLate = (): boolean => performance.now() > until;
      if (round > 1 && isLate()) break;
      for (const [index, microBatch] of sizes.entries()) {
        // A machine that has become busy meanwhile takes longer than foreseen.
        if (isLate() && (round > 1 || index >= LEAST_SIZES)) break;
        steps.push(...timeRound(session, batchOf(request, shape, microBatch)));
      }
      const before = performance.now();
      session.apply(0);
      applyMs.push(performance.now() - before);
    }
    return { steps, applyMs, tensorflowVersion: tensorflowVersion(), peakBytes: readMemory().peakBytes };
  } finally {
    session.close();
  }
}

/** Runs each micro-batch once, which does not count, up to the last that there is time for. Returns those. */
function warmUp(session: ProgramSession, request: UnitTimingRequest, shape: SampleShape, until: number): number[] {
  const sizes: number[] = [];
  let before = { microBatch: 0, ms: 0 };
  for (const microBatch of request.microBatches) {
    const expectedMs = before.ms * (microBatch / Math.max(1, before.microBatch));
    if (sizes.length >= LEAST_SIZES && expectedMs * RUNS_AHEAD > until - performance.now()) break;
    const from = performance.now();
    timeOnce(session, batchOf(request, shape, microBatch));
    before = { microBatch, ms: performance.now() - from };
    sizes.push(microBatch);
  }
  session.apply(0);
  return sizes;
}

/** One micro-batch, small ones several times. */
function timeRound(session: ProgramSession, batch: MicroBatch): readonly PartTimes[] {
  const before = readCpu();
  const repeats = Math.min(MAX_REPEATS, Math.ceil(SAMPLES_IN_ROUND / batch.count));
  const times = Array.from({ length: repeats }, () => timeOnce(session, batch));
  const othersCpuShare = othersShare(before, readCpu());
  const busy = given({ othersCpuShare });
  return times.map((partMs) => ({ microBatch: batch.count, partMs, ...busy }));
}

/** A learning rate of zero: the weights stay, the work is the same. */
function timeOnce(session: ProgramSession, batch: MicroBatch): readonly number[] {
  const settings = { learningRate: 0, sampleWeight: 1 / batch.count, seed: 0 };
  const seconds = session.timedMicroStep(batch, settings);
  return Array.from({ length: seconds.length - 1 }, (_, index) => {
    return Math.max(0, (seconds[index + 1]! - seconds[index]!) * MS);
  });
}

function batchOf({ images, seed }: UnitTimingRequest, shape: SampleShape, count: number): MicroBatch {
  const size = count * elementsOf(shape);
  const labels = new Int32Array(count);
  if (images !== undefined && images.length >= size) return { images: images.subarray(0, size), labels, count };
  const random = createRandom(seed);
  return { images: Float32Array.from({ length: size }, () => random.uniform()), labels, count };
}
