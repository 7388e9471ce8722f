import {
  given,
  MAX_REPEATS,
  METHODS_WITHOUT_LABELS,
  MpoError,
  type RetrainConfig,
  requireTrainable,
  withPrescribedRates,
} from "@mpo/core";
import { collectGarbage } from "@mpo/io";
import { chainOf } from "../compiler/chain-of.ts";
import type { ModelWeights } from "../model/model-graph.ts";
import type { Samples } from "../training/batches.ts";
import { type StepReport, stepTimes } from "../training/train-loop.ts";
import { type AdaptationMethod, learningRateFor, methodNamed } from "../window/method.ts";
import type { CallOptions, EngineWorker } from "../worker/engine-worker.ts";
import { takeAnchor } from "./anchor.ts";
import { baseWeights } from "./base-weights.ts";
import { insteadOfTraining } from "./class-mix.ts";
import { interpolate } from "./interpolation.ts";
import { isBetterStart, type Judgement } from "./judge.ts";
import { judgeTrained } from "./judge-trained.ts";
import { pseudoLabels } from "./pseudo-labels.ts";
import {
  evaluateJudged,
  evaluationBatch,
  type RetrainContext,
  type Retraining,
  type RetrainOptions,
  type Trained,
} from "./retrain-context.ts";
import { ADAPTED, freeImages, sendSamples } from "./send-samples.ts";
import { GUARD_AT_START, type StopReason, watchEpoch } from "./training-guard.ts";

export interface RetrainResult extends Judgement {
  /** The retrained weights, or those of a part of the way to them (`judge`); where none of them gains, those of `baseWeights`. */
  readonly weights: ModelWeights;
  readonly stopped: StopReason;
  /** Whether it was trained from `start`. */
  readonly isFromStart: boolean;
  /** Whether it was trained from `source`. */
  readonly isReset: boolean;
  /** The config that ran: what the method never trains is frozen in it. */
  readonly config: RetrainConfig;
  /** Passes over the samples at most: those asked for, or fewer where the method needs no more. */
  readonly epochs: number;
  readonly steps: number;
  /** Times of the latest single steps, the first of all left out; empty: too few were made. */
  readonly stepMs: readonly number[];
  /** Time of all steps together, the first too. */
  readonly trainingMs: number;
  /** Everything else: loading, labelling, reading weights, judging. */
  readonly overheadMs: number;
  /** Of that, one look at what it is judged on. */
  readonly judgingMs: number;
  /** What the plan says a step adds to the idle process. */
  readonly plannedBytes: number;
  /** What was measured. */
  readonly peakBytes: number;
  /** Resident bytes of the worker with the model, before samples and steps. */
  readonly idleBytes: number;
}

/** Judging what was trained takes as long as judging what serves, and a little. */
const JUDGING_ROOM = 1.5;

/**
 * Adapts a model to drifted samples in a fresh worker, and judges the result. The measured peak is right only for the
 * first retraining of a worker: TensorFlow's pool keeps what it took.
 *
 * Throws `invalid-argument` (no samples, labels that are needed and missing, a config that does not fit the model),
 * `unsupported` (SHOT on a model whose logits no classifier makes), and what the worker throws: `over-memory-cap`, `cancelled`, ...
 */
export async function retrain(
  worker: EngineWorker,
  retraining: Retraining,
  options: RetrainOptions = {},
): Promise<RetrainResult> {
  const { model, samples, judgedOn = samples } = retraining;
  const call = given({ signal: options.signal });
  const began = performance.now();
  const method = methodNamed(retraining.method);
  checkSamples(retraining, method);
  const { loss, optimizer } = method;
  requireTrainable(chainOf(model.graph), loss, model.graph.name);
  const config = withPrescribedRates(retraining.config, loss);
  const training = { config, loss, optimizer, replacesStatistics: true };
  const { source } = retraining;
  const base = baseWeights(retraining);
  // What is loaded is what a method is drawn back to.
  const loaded = await worker.load({ ...model, ...given({ weights: source }), training, isOnly: true }, call);
  await sendSamples(worker, method.needsLabels ? samples : unlabelled(samples), judgedOn, call);
  if (retraining.isLastUse === true) freeImages(samples, judgedOn);
  const residentBytes = async (): Promise<number> =>
    (await worker.call("memory", { resetPeak: false }, call)).residentBytes;
  const baseBytes = await residentBytes();
  const context: RetrainContext = { worker, retraining, method, config, call, options };
  await takeAnchor(context);
  if (source !== undefined) await worker.assignWeights(base, call);
  const judging = performance.now();
  const before = await evaluateJudged(context);
  const judgingMs = performance.now() - judging;
  const from = await takeStart(context, base, before);
  const trainUntilMs = began + (retraining.maxMs ?? Number.POSITIVE_INFINITY) - JUDGING_ROOM * judgingMs;
  const instead = await insteadOfTraining(context, from, before);
  // What was taken until here stays in TensorFlow's pool: the first step grows by that much less.
  const heldBytes = Math.max(0, (await residentBytes()) - baseBytes);
  const classes = before.length / judgedOn.count;

  const trained = instead ? { ...instead, steps: [], peakBytes: 0 } : await trainEpochs(context, classes, trainUntilMs);
  const { weights, ...judgement } = await judgeTrained(context, trained, { base, before }, trainUntilMs);
  const trainingMs = trained.steps.reduce((sum, { ms }) => sum + ms, 0);
  return {
    ...judgement,
    weights,
    stopped: trained.stopped,
    isFromStart: from === retraining.start,
    isReset: from === source,
    config,
    epochs: epochsOf(context),
    steps: trained.steps.length,
    stepMs: stepTimes(trained.steps).slice(-MAX_REPEATS),
    trainingMs,
    overheadMs: performance.now() - began - trainingMs,
    judgingMs,
    plannedBytes: loaded.plannedBytes,
    peakBytes: Math.max(0, heldBytes + trained.peakBytes),
    idleBytes: loaded.idleBytes,
  };
}

/**
 * Gives the worker the weights to start from: those that do best, or where those serve and the method says so, some of the way back
 * to the source. `before`: logits of the base.
 */
async function takeStart(context: RetrainContext, base: ModelWeights, before: Float32Array): Promise<ModelWeights> {
  const { worker, retraining, method, call } = context;
  const { model, start, source, samples, judgedOn = samples } = retraining;
  let best = base;
  let bestLogits = before;
  for (const weights of [start, model.weights, source]) {
    if (weights === undefined || weights === base) continue;
    await worker.assignWeights(weights, call);
    const logits = await evaluateJudged(context);
    if (isBetterStart(bestLogits, logits, judgedOn)) [best, bestLogits] = [weights, logits];
  }
  // What serves, and neither of the others.
  const isPulled = source !== undefined && best !== start && best !== source;
  if (isPulled) best = interpolate(best, source, method.pullAtStart ?? 0);
  if (start !== undefined || source !== undefined) await worker.assignWeights(best, call);
  return best;
}

interface TrainedEpochs extends Trained {
  readonly steps: readonly StepReport[];
  /** Of the first epoch: later ones find the pool grown. */
  readonly peakBytes: number;
}

/** Trains epoch by epoch, until all are done, the guard says stop or the time (by `performance.now`) is over. */
async function trainEpochs(context: RetrainContext, classes: number, trainUntilMs: number): Promise<TrainedEpochs> {
  const { worker, retraining, method, config, options, call } = context;
  const stepsPerEpoch = stepsPerEpochOf(retraining, config);
  const totalSteps = Math.min(epochsOf(context) * stepsPerEpoch, retraining.mostSteps ?? Number.POSITIVE_INFINITY);
  const rate = retraining.learningRate ?? learningRateFor(method, config.microBatch * config.accumulation);
  let guard = GUARD_AT_START;
  let weights: ModelWeights | undefined;
  const steps: StepReport[] = [];
  let peakBytes = 0;
  let longestStepMs = 0;
  const result = (stopped: StopReason): TrainedEpochs => ({ weights, stopped, steps, peakBytes });
  for (let epoch = 0; steps.length < totalSteps; epoch++) {
    if (method.usesPseudoLabels) await labelByModel(worker, ADAPTED, retraining.samples.count, config, call);
    const leftMs = trainUntilMs - performance.now();
    if (epoch > 0 && leftMs < longestStepMs) return result("outOfTime");
    const wanted = Math.min(stepsPerEpoch, totalSteps - steps.length);
    const run = {
      ...(Number.isFinite(leftMs) ? { maxMs: leftMs } : {}),
      steps: wanted,
      learningRate: { kind: "constant", rate },
      seed: retraining.seed + epoch,
      shuffle: true,
    } as const;
    const onProgress = (report: StepReport): void =>
      options.onProgress?.({ ...report, step: epoch * stepsPerEpoch + report.step }, totalSteps);
    const report = await worker.call("train", { samples: ADAPTED, run }, { ...call, onProgress });
    steps.push(...report.steps);
    longestStepMs = Math.max(longestStepMs, ...report.steps.map(({ ms }) => ms));
    if (epoch === 0) peakBytes = report.peakBytes;
    const verdict = watchEpoch(guard, report.steps, classes);
    if (verdict.stop === "collapsed" || verdict.stop === "diverged") return result(verdict.stop);
    weights = await worker.call("readWeights", {}, call);
    collectGarbage("most");
    if (verdict.stop !== undefined) return result(verdict.stop);
    if (report.steps.length < wanted) return result("outOfTime");
    guard = verdict.state;
  }
  return result("finished");
}

/** Gives samples that the worker holds under a name the labels that the model itself would choose for them now. */
export async function labelByModel(
  worker: EngineWorker,
  name: string,
  count: number,
  config: RetrainConfig,
  call: Pick<CallOptions, "signal">,
): Promise<void> {
  const request = { samples: name, batch: evaluationBatch(config), features: true };
  const { logits, features } = await worker.call("evaluate", request, call);
  const labels = pseudoLabels(features as Float32Array, logits, count);
  await worker.call("sameSamples", { name, of: name, count, labels }, call);
}

function epochsOf({ retraining, method }: RetrainContext): number {
  return Math.min(retraining.epochs, method.mostEpochs ?? Number.POSITIVE_INFINITY);
}

function stepsPerEpochOf({ samples }: Retraining, { microBatch, accumulation }: RetrainConfig): number {
  return Math.ceil(samples.count / (microBatch * accumulation));
}

function checkSamples({ samples, judgedOn, method, epochs }: Retraining, { needsLabels }: AdaptationMethod): void {
  if (!Number.isSafeInteger(epochs) || epochs < 1) {
    throw new MpoError("invalid-argument", `epochs is ${epochs}; expected a whole number of 1 or more`);
  }
  for (const [name, set] of Object.entries({ samples, judgedOn: judgedOn ?? samples })) {
    if (set.count < 1) throw new MpoError("invalid-argument", `${name}: expected at least one, got none`);
  }
  if (needsLabels && samples.labels === undefined) {
    throw new MpoError("invalid-argument", `${method} needs samples with labels`, {
      hint: `Without labels, adapt with ${METHODS_WITHOUT_LABELS.join(", ")}.`,
    });
  }
}

function unlabelled({ images, count }: Samples): Samples {
  return { images, count };
}
