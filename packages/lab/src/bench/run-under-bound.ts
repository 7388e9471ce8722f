import { type CostModel, hasCode, planStep, type RetrainConfig, type StepPrediction, typical } from "@mpo/core";
import { type MeasuredStep, PreparedStep, poolCapFor, type StepTask } from "@mpo/engine";

/** One config that was predicted, run freely, and run with the upper bound of its memory as the allocator's hard limit. */
export interface EmulationRow {
  readonly config: RetrainConfig;
  readonly predicted: StepPrediction;
  readonly measuredBytes: number;
  /** Mean of both runs. */
  readonly measuredMs: number;
  /** By how much the times of the two runs differ, as a share of their mean: what no prediction can do better than. */
  readonly timeSpread?: number;
  /** Relative, without sign. */
  readonly memoryError: number;
  readonly timeError: number;
  /** It did not get by with its bound: the allocator refused, or it grew by more. */
  readonly isOverBound: boolean;
  /** Share of the processor that other programs took meanwhile; absent: not known. */
  readonly othersCpuShare?: number;
}

/** Steps of a config are timed for about this long, in each of its two processes. */
const TIMED_MS = 1500;
const LEAST_STEPS = 2;

/**
 * Runs configs freely, which is what is predicted, and again with the bound as a hard limit: there the pool ends early,
 * and takes room to its end before it uses gaps again. Time is taken of both: a machine is faster now and then. Two
 * workers are loaded at the same time, to use both cores, and run one after the other.
 */
export async function runUnderBound(
  task: StepTask,
  costModel: CostModel,
  config: RetrainConfig,
  signal: AbortSignal,
): Promise<EmulationRow> {
  const predicted = costModel.predict(config);
  const { upper } = predicted.memoryBytes;
  const memoryCapBytes = poolCapFor(planStep(costModel.chain, config), costModel.profile.memoryFacts, upper);
  const [free, capped] = await Promise.allSettled([
    PreparedStep.start(task, config, signal),
    PreparedStep.start({ ...task, memoryCapBytes }, config, signal),
  ]);
  try {
    if (free.status === "rejected") throw free.reason;
    const timedSteps = Math.max(LEAST_STEPS, Math.ceil(TIMED_MS / predicted.stepMs.expected));
    const measured = await free.value.measure(timedSteps, signal);
    const within = await withinCap(async () => {
      if (capped.status === "rejected") throw capped.reason;
      return await capped.value.measure(timedSteps, signal);
    });
    return rowOf(predicted, measured, within);
  } finally {
    for (const start of [free, capped]) if (start.status === "fulfilled") await start.value[Symbol.asyncDispose]();
  }
}

/** Undefined: the allocator's limit stopped it. */
async function withinCap(run: () => Promise<MeasuredStep>): Promise<MeasuredStep | undefined> {
  try {
    return await run();
  } catch (error) {
    if (hasCode(error, "over-memory-cap")) return undefined;
    throw error;
  }
}

function rowOf(predicted: StepPrediction, free: MeasuredStep, capped: MeasuredStep | undefined): EmulationRow {
  const { memoryBytes, stepMs } = predicted;
  const measuredBytes = free.sample.peakBytes ?? 0;
  const cappedBytes = capped?.sample.peakBytes ?? Number.POSITIVE_INFINITY;
  const freeMs = typical(free.sample.stepMs);
  const cappedMs = capped === undefined ? freeMs : typical(capped.sample.stepMs);
  const measuredMs = (freeMs + cappedMs) / 2;
  const shares = [free, capped].flatMap((step) => step?.othersCpuShare ?? []);
  return {
    config: free.sample.config,
    predicted,
    measuredBytes,
    measuredMs,
    ...(capped === undefined ? {} : { timeSpread: Math.abs(freeMs - cappedMs) / measuredMs }),
    memoryError: Math.abs(memoryBytes.expected / measuredBytes - 1),
    timeError: Math.abs(stepMs.expected / measuredMs - 1),
    isOverBound: cappedBytes > memoryBytes.upper,
    ...(shares.length === 0 ? {} : { othersCpuShare: Math.max(...shares) }),
  };
}
