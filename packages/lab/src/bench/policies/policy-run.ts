import { describeConfig, given, isOutOfMemory, type MethodName, MpoError, type Prediction, SECOND_MS } from "@mpo/core";
import { firstSamples, type Model, type Samples, trainRung, type WindowLength, windowLength } from "@mpo/engine";
import type { LabelJudge } from "./label-judge.ts";

/** One retraining that several policies, limits and windows may have chosen alike. */
export interface PolicyRun {
  /** Equal for equal runs. */
  readonly key: string;
  readonly chosen: Prediction;
  readonly length: WindowLength;
}

/** What one retraining to one drift came to. */
export interface PolicyRunOutcome {
  readonly key: string;
  readonly corruption: string;
  /** It needed more memory than its own bound: what follows is of no use. */
  readonly isOverCap: boolean;
  /** Of the model that would serve from then on, 0 to 1. */
  readonly accuracyAfter: number;
  readonly peakBytes?: number | undefined;
  /** Time of the steps. */
  readonly seconds: number;
  readonly steps: number;
}

/** One drift: images to adapt to, without labels, and others with labels, which only the report reads. */
export interface PolicyDrift {
  readonly corruption: string;
  readonly adapted: Samples;
  readonly judged: Samples;
}

/** What all runs share. */
export interface PolicyRunTask {
  readonly model: Model;
  readonly method: MethodName;
  readonly judge: LabelJudge;
  readonly seed: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly threads?: number;
  readonly signal: AbortSignal;
}

/** The run of a prediction, as long as its steps were predicted to fit. Throws `over-budget` where none does. */
export function policyRun(chosen: Prediction, sampleCount: number): PolicyRun {
  const length = windowLength(chosen, sampleCount);
  if (length === undefined) throw new MpoError("over-budget", "the window is shorter than a step");
  return { key: JSON.stringify([chosen.config, length.count, length.epochs]), chosen, length };
}

/** In words, for people. */
export function describeRun({ chosen, length }: PolicyRun): string {
  return `${describeConfig(chosen.config)}, ${length.steps} steps`;
}

/** Images on which the device itself looks whether the retrained model has collapsed. */
const GUARD_IMAGES = 256;

/** Retrains to one drift as a device does: in a process of its own that is held to the config's own upper bound. */
export async function runPolicy(
  { key, chosen: rung }: PolicyRun,
  { corruption, adapted: { images, count }, judged }: PolicyDrift,
  { model, method, judge, seed, environment, threads, signal }: PolicyRunTask,
): Promise<PolicyRunOutcome> {
  const samples = { images, count };
  const judgedOn = firstSamples(samples, GUARD_IMAGES);
  const memoryBytes = rung.memoryBytes.upper;
  try {
    const { weights, trainingMs, steps, peakBytes } = await trainRung(
      { model, method, rung, memoryBytes, samples, judgedOn, seed },
      { environment, signal, ...given({ threads }) },
    );
    const accuracyAfter = await judge.accuracy(weights, judged);
    return { key, corruption, isOverCap: false, accuracyAfter, seconds: trainingMs / SECOND_MS, steps, peakBytes };
  } catch (thrown) {
    if (!isOutOfMemory(thrown)) throw thrown;
    return { key, corruption, isOverCap: true, accuracyAfter: 0, seconds: 0, steps: 0 };
  }
}
