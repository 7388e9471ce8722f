import {
  describeConfig,
  type Fact,
  fact,
  given,
  isOutOfMemory,
  type MethodName,
  MpoError,
  mean,
  type Prediction,
  SECOND_MS,
} from "@mpo/core";
import {
  type EngineWorker,
  firstSamples,
  type Model,
  type Samples,
  trainRung,
  type WindowLength,
  windowLength,
} from "@mpo/engine";
import { accuracyWith } from "../../retrained-accuracy.ts";

/** One retraining that several policies, limits and windows may have chosen alike. */
export interface PolicyRun {
  /** Equal for equal runs. */
  readonly key: string;
  /** The upper bound of its memory is what the run may take. */
  readonly chosen: Prediction;
  readonly length: WindowLength;
}

const { byteCount, flag, number, object, share, text, whole } = fact;

/** What one retraining to one drift came to. */
export const policyOutcomeSchema = object({
  /** Of the run: its whole config, with every action of an optimal placement. */
  key: text(1, 100_000),
  corruption: text(1, 256),
  /** It needed more memory than its own bound: what follows is of no use. */
  isOverCap: flag(),
  /** Of the model that would serve from then on, 0 to 1. */
  accuracyAfter: share(),
  /** Time of the steps. */
  seconds: number(0, 1e9),
  steps: whole(),
  peakBytes: byteCount().optional(),
});
export type PolicyRunOutcome = Fact<typeof policyOutcomeSchema>;

/** One drift: images to adapt to, without labels, and others with labels, which only the report reads. */
export interface PolicyDrift {
  readonly corruption: string;
  readonly adapted: Samples;
  readonly judged: Samples;
}

export interface PolicyRunTask {
  readonly model: Model;
  readonly method: MethodName;
  readonly drifts: readonly PolicyDrift[];
  /** Judges by labels, in a process of its own: its large batches do not count towards the runs' limits. */
  readonly judge: EngineWorker;
  readonly seed: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly threads?: number;
  readonly signal: AbortSignal;
  /** All that is known, from before too: runs add to it. */
  readonly outcomes: PolicyRunOutcome[];
  /** Something was added. */
  readonly onOutcome: (run: PolicyRun, corruption: string) => Promise<void>;
}

/** What one run came to over all drifts. */
export interface BookedRun {
  /** Accuracies of what serves afterwards, 0 to 1, in the order of the drifts. */
  readonly after: readonly number[];
  /** Highest that was measured. */
  readonly peakBytes: number;
  /** Mean over the drifts, of the steps alone. */
  readonly seconds: number;
}

/** The run of a prediction, as long as its steps were predicted to fit. Throws `over-budget` where none does. */
export function policyRun(chosen: Prediction, sampleCount: number): PolicyRun {
  const length = windowLength(chosen, sampleCount);
  if (length === undefined) throw new MpoError("over-budget", "the window is shorter than a step");
  const { config, memoryBytes } = chosen;
  return { key: JSON.stringify([config, length.count, length.steps, memoryBytes.upper]), chosen, length };
}

/** In words, for people. */
export function describeRun({ chosen, length }: PolicyRun): string {
  return `${describeConfig(chosen.config)}, ${length.steps} steps`;
}

/** Retrains to every drift, but those of which the outcome is known. Undefined: it broke its own memory bound. */
export async function bookRun(run: PolicyRun, task: PolicyRunTask): Promise<BookedRun | undefined> {
  const { outcomes } = task;
  const known = outcomes.filter(({ key }) => key === run.key);
  const booked: PolicyRunOutcome[] = [];
  for (const drift of task.drifts) {
    if (known.some(({ isOverCap }) => isOverCap)) return undefined;
    let outcome = known.find(({ corruption }) => corruption === drift.corruption);
    if (outcome === undefined) {
      task.signal.throwIfAborted();
      outcome = await runPolicy(run, drift, task);
      outcomes.push(outcome);
      known.push(outcome);
      await task.onOutcome(run, drift.corruption);
    }
    booked.push(outcome);
  }
  if (booked.some(({ isOverCap }) => isOverCap)) return undefined;
  return {
    after: booked.map(({ accuracyAfter }) => accuracyAfter),
    peakBytes: Math.max(...booked.map(({ peakBytes = 0 }) => peakBytes)),
    seconds: mean(booked.map(({ seconds }) => seconds)),
  };
}

/** Images on which the device itself looks whether the retrained model has collapsed. */
const GUARD_IMAGES = 256;

/** Retrains to one drift as a device does: in a process of its own that is held to the config's own upper bound. */
async function runPolicy(
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
    const accuracyAfter = await accuracyWith(judge, weights, judged, signal);
    return {
      key,
      corruption,
      isOverCap: false,
      accuracyAfter,
      seconds: trainingMs / SECOND_MS,
      steps,
      ...given({ peakBytes }),
    };
  } catch (thrown) {
    if (!isOutOfMemory(thrown)) throw thrown;
    return { key, corruption, isOverCap: true, accuracyAfter: 0, seconds: 0, steps: 0 };
  }
}
