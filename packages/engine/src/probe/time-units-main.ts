import { tmpdir } from "node:os";
import { createRandom } from "@mpo/datasets";
import { chainOf } from "../compiler/chain-of.ts";
import { compileProgram } from "../compiler/compile-program.ts";
import { sampleShapes } from "../model/graph-shapes.ts";
import { elementsOf, type SampleShape } from "../model/model-graph.ts";
import { readMemory } from "../session/memory-meter.ts";
import { type MicroBatch, ProgramSession } from "../session/program-session.ts";
import { tensorflowVersion } from "../session/tensorflow.ts";
import { timedPlan } from "./timed-plan.ts";
import type { InstructionTimes, UnitTimingAnswer, UnitTimingReport, UnitTimingRequest } from "./unit-timing.ts";

/**
 * Entry of the process that times the instructions of a step at several micro-batches. It answers one request and ends;
 * when its parent goes away, so does it.
 */
const MS = 1000;
/** Small micro-batches are repeated within a round until they have seen about this many samples. */
const SAMPLES_IN_ROUND = 8;
const MAX_REPEATS = 4;

process.on("disconnect", () => process.exit(0));
process.on("SIGINT", () => undefined);
process.once("message", (request: UnitTimingRequest) => {
  send(answerTo(request));
});

function answerTo(request: UnitTimingRequest): UnitTimingAnswer {
  try {
    return { kind: "report", report: timeInstructions(request) };
  } catch (thrown) {
    return { kind: "error", message: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

function timeInstructions(request: UnitTimingRequest): UnitTimingReport {
  const began = performance.now();
  const plan = timedPlan(chainOf(request.graph));
  const [shape = []] = sampleShapes(request.graph).values();
  const program = compileProgram({ graph: request.graph, training: { ...request.training, plan, isTimed: true } });
  const session = new ProgramSession(program, shape, tmpdir());
  const steps: InstructionTimes[] = [];
  const applyMs: number[] = [];
  try {
    session.assignFrom(request.weightsFolder);
    session.initialiseTraining();
    for (let round = 0; round <= request.rounds; round++) {
      if (round > 1 && performance.now() - began > request.maxMs) break;
      for (const microBatch of request.microBatches) {
        const batch = batchOf(request, shape, microBatch);
        const repeats = round === 0 ? 1 : Math.min(MAX_REPEATS, Math.ceil(SAMPLES_IN_ROUND / microBatch));
        for (let repeat = 0; repeat < repeats; repeat++) {
          const instructionMs = timeOnce(session, batch);
          if (round > 0) steps.push({ microBatch, instructionMs });
        }
      }
      const before = performance.now();
      session.apply(0);
      if (round > 0) applyMs.push(performance.now() - before);
    }
    return { steps, applyMs, tensorflowVersion: tensorflowVersion(), peakBytes: readMemory().peakBytes };
  } finally {
    session.close();
  }
}

/** A learning rate of zero: the weights stay, the work is the same. */
function timeOnce(session: ProgramSession, batch: MicroBatch): readonly number[] {
  const settings = { learningRate: 0, sampleWeight: 1 / batch.count, seed: 0 };
  const seconds = session.timedMicroStep(batch, settings);
  return Array.from({ length: seconds.length - 1 }, (_, index) => {
    return Math.max(0, ((seconds[index + 1] as number) - (seconds[index] as number)) * MS);
  });
}

function batchOf({ images, seed }: UnitTimingRequest, shape: SampleShape, count: number): MicroBatch {
  const size = count * elementsOf(shape);
  const labels = new Int32Array(count);
  if (images !== undefined && images.length >= size) return { images: images.subarray(0, size), labels, count };
  const random = createRandom(seed);
  return { images: Float32Array.from({ length: size }, () => random.uniform()), labels, count };
}

function send(answer: UnitTimingAnswer): void {
  process.send?.(answer, () => process.disconnect());
}
