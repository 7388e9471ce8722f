import { copyFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import {
  adaptationMethod,
  chainOf,
  EngineWorker,
  firstSamples,
  LOSS_NAMES,
  type LossName,
  MODEL_CARD_FILE,
  MODEL_FILE,
  type Model,
  poolCapFor,
  type RetrainResult,
  readLayersModel,
  retrain,
  type StepReport,
  sampleShapes,
  stepMemoryFacts,
  writeLayersModel,
} from "@mpo/engine";
import { withDeadline } from "@mpo/io";
import type { RetrainJob, RetrainOutcome } from "../ports/agent-engine.ts";
import { type LabelFreeEstimate, labelFreeEstimate } from "./label-free-estimate.ts";
import { readTrainingInputs } from "./training-inputs.ts";
import { trainingLength } from "./training-length.ts";

/** How a job's processes run. */
export interface JobContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly onProgress: (report: StepReport) => void;
}

const MAX_INPUTS = 2_048;
/** Of the time that is left once the worker is up; the rest is for the estimate without labels and for writing. */
const RETRAIN_SHARE = 0.8;
/** Workers are the first that the system's memory killer takes. */
export const OOM_SCORE_ADJUST = 1_000;

/** Retrains a model on recent inputs within memory and time; writes it to the staging folder when it is not worse. */
export async function runRetrainJob(job: RetrainJob, context: JobContext): Promise<RetrainOutcome> {
  const began = performance.now();
  const method = lossOf(job.method);
  const outcome = await withDeadline(
    "the window",
    job.maxMs,
    async (signal) => {
      const model = await readLayersModel(join(job.modelFolder, MODEL_FILE), { signal });
      const shape = inputShape(model);
      const { samples, judgedOn } = await readTrainingInputs(job.inputFiles, shape, MAX_INPUTS);
      const effectiveBatch = job.config.microBatch * job.config.accumulation;
      const length = trainingLength({ ...job, inputs: samples.count, effectiveBatch });
      if (length === undefined) {
        throw new MpoError(
          "timed-out",
          `a step takes ${job.stepMs.toFixed(0)} ms; the window has ${job.maxMs.toFixed(0)}`,
        );
      }
      const facts = stepMemoryFacts(chainOf(model.graph), adaptationMethod(method));
      await using worker = await EngineWorker.start(
        {
          environment: context.environment,
          memoryCapBytes: poolCapFor(model.graph, job.config, facts, job.memoryBytes),
          oomScoreAdjust: OOM_SCORE_ADJUST,
        },
        { signal },
      );
      const used = firstSamples(samples, length.inputs);
      const task = {
        model,
        samples: used,
        judgedOn,
        method,
        config: job.config,
        epochs: length.epochs,
        seed: job.seed,
        maxMs: RETRAIN_SHARE * (began + job.maxMs - performance.now()),
      };
      const result = await retrain(worker, task, { signal, onProgress: context.onProgress });
      const estimate = await labelFreeEstimate({ worker, model, result, judgedOn, signal });
      if (result.isAccepted) await writeStaged(job, { graph: model.graph, weights: result.weights }, signal);
      return outcomeOf(job, result, estimate, performance.now() - began);
    },
    { signal: context.signal },
  ).catch(async (thrown: unknown) => {
    await rm(job.stagingFolder, { recursive: true, force: true });
    throw thrown;
  });
  return outcome;
}

function outcomeOf(
  job: RetrainJob,
  result: RetrainResult,
  estimate: LabelFreeEstimate | undefined,
  durationMs: number,
): RetrainOutcome {
  const before = result.accuracyBefore ?? estimate?.before;
  const after = result.accuracyAfter ?? estimate?.after;
  const judgement = result.accuracyBefore !== undefined ? "labels" : estimate === undefined ? undefined : "label-free";
  return {
    isAccepted: result.isAccepted,
    reason: `${result.reason} (${result.stopped})`,
    steps: result.steps,
    ...(result.steps === 0 ? {} : { stepMs: (result.seconds * 1000) / result.steps }),
    durationMs,
    plannedPeakBytes: result.plannedPeakBytes,
    peakBytes: Math.max(0, Math.round(result.measuredPeakBytes)),
    ...(judgement === undefined ? {} : { judgement }),
    ...(before === undefined ? {} : { accuracyBefore: before }),
    ...(after === undefined ? {} : { accuracyAfter: after }),
    ...(result.isAccepted ? { stagedFolder: job.stagingFolder } : {}),
  };
}

async function writeStaged(job: RetrainJob, model: Model, signal: AbortSignal): Promise<void> {
  await rm(job.stagingFolder, { recursive: true, force: true });
  await writeLayersModel(model, job.stagingFolder, { signal });
  const card = join(job.sourceFolder, MODEL_CARD_FILE);
  if (await stat(card).catch(() => undefined)) await copyFile(card, join(job.stagingFolder, MODEL_CARD_FILE));
}

/** Throws `unsupported` for a model that takes no images. */
export function inputShape({ graph }: Model): { height: number; width: number; channels: number } {
  const [shape = []] = sampleShapes(graph).values();
  const [height, width, channels] = shape;
  if (height === undefined || width === undefined || channels === undefined || shape.length !== 3) {
    throw new MpoError("unsupported", `the model takes inputs of ${shape.join("x")}; expected images`);
  }
  return { height, width, channels };
}

/** The method of a name. Throws `invalid-argument`. */
export function lossOf(name: string): LossName {
  const found = LOSS_NAMES.find((known) => known === name);
  if (found !== undefined) return found;
  throw new MpoError("invalid-argument", `method is ${JSON.stringify(name)}; expected one of ${LOSS_NAMES.join(", ")}`);
}
