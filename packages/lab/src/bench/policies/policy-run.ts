import type { WindowLength } from "@mpo/cli";
import { describeConfig, given, MpoError, type Prediction, type Profile } from "@mpo/core";
import { EngineWorker, firstSamples, type LossName, type Model, poolCapFor, retrain, type Samples } from "@mpo/engine";
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
  /** Absent where the process had run another drift before: its pool had grown already. */
  readonly peakBytes?: number;
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
  readonly method: LossName;
  readonly profile: Profile;
  readonly judge: LabelJudge;
  readonly seed: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly threads?: number;
  readonly signal: AbortSignal;
}

/** The run of a prediction under the limits that it was made for. */
export function policyRun(chosen: Prediction, length: WindowLength): PolicyRun {
  return { key: JSON.stringify([chosen.config, length.count, length.epochs]), chosen, length };
}

/** In words, for people. */
export function describeRun({ chosen, length }: PolicyRun): string {
  return `${describeConfig(chosen.config)}, ${length.steps} steps`;
}

/** Images on which the device itself looks whether the retrained model has collapsed. */
const GUARD_IMAGES = 256;

/**
 * Retrains to one drift after the other, always from the same weights, in one process whose allocator is held to the
 * config's own upper bound. Yields each outcome at once, so that it can be kept.
 */
export async function* runPolicy(
  { key, chosen, length }: PolicyRun,
  drifts: readonly PolicyDrift[],
  { model, method, profile, judge, seed, environment, threads, signal }: PolicyRunTask,
): AsyncGenerator<PolicyRunOutcome, void, undefined> {
  const { config, memoryBytes } = chosen;
  const memoryCapBytes = poolCapFor(model.graph, config, profile.memoryFacts, memoryBytes.upper);
  const start = (): Promise<EngineWorker> =>
    EngineWorker.start({ environment, memoryCapBytes, ...given({ threads }) }, { signal });
  let worker: EngineWorker | undefined;
  try {
    for (const { corruption, adapted, judged } of drifts) {
      signal.throwIfAborted();
      const unlabelled = { images: adapted.images, count: adapted.count };
      const samples = firstSamples(unlabelled, length.count);
      const judgedOn = firstSamples(unlabelled, GUARD_IMAGES);
      const task = { model, samples, judgedOn, method, config, epochs: length.epochs, seed };
      let isFresh = worker === undefined;
      worker ??= await start();
      const attempt = retrain(worker, task, { signal });
      const result = await attempt.catch(async (error: unknown) => {
        if (!isOverCap(error)) throw error;
        await worker?.close();
        worker = undefined;
        if (isFresh) return undefined;
        // What the drifts before left in the pool may stand in the way: that is not this config's need.
        isFresh = true;
        worker = await start();
        return await retrain(worker, task, { signal }).catch(async (again: unknown) => {
          if (!isOverCap(again)) throw again;
          await worker?.close();
          worker = undefined;
          return undefined;
        });
      });
      if (result === undefined || worker === undefined) {
        yield { key, corruption, isOverCap: true, accuracyAfter: 0, seconds: 0, steps: 0 };
        return;
      }
      const accuracyAfter = await judge.accuracy(result.weights, judged);
      const { seconds, steps, measuredPeakBytes } = result;
      const peak = isFresh ? { peakBytes: measuredPeakBytes } : {};
      yield { key, corruption, isOverCap: false, accuracyAfter, seconds, steps, ...peak };
    }
  } finally {
    await worker?.close();
  }
}

function isOverCap(error: unknown): boolean {
  return error instanceof MpoError && error.code === "over-memory-cap";
}
