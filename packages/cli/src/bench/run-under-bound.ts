import { type CostModel, MpoError, type RetrainConfig, type StepPrediction, typical } from "@mpo/core";
import { type MeasuredStep, PreparedStep, poolCapFor, type StepTask, timedStepsFor } from "@mpo/engine";

/** One config that was predicted, run freely, and run with the upper bound of its memory as the allocator's hard limit. */
export interface EmulationRow {
  readonly config: RetrainConfig;
  readonly predicted: StepPrediction;
  readonly measuredBytes: number;
  readonly measuredMs: number;
  /** Relative, without sign. */
  readonly memoryError: number;
  readonly timeError: number;
  /** It did not get by with its bound: the allocator refused, or it grew by more. */
  readonly isOverBound: boolean;
  /** Share of the processor that other programs took meanwhile; absent: not known. */
  readonly othersCpuShare?: number;
}

/**
 * Runs configs freely, which is what is predicted, and again with the bound as a hard limit: there the pool ends early,
 * and takes room to its end before it uses gaps again. Two workers are loaded at the same time, to use both cores, and
 * run one after the other.
 */
export async function runUnderBound(
  task: StepTask,
  costModel: CostModel,
  config: RetrainConfig,
  signal: AbortSignal,
): Promise<EmulationRow> {
  const predicted = costModel.predict(config);
  const { upper } = predicted.memoryBytes;
  const memoryCapBytes = poolCapFor(task.model.graph, config, costModel.profile.memoryFacts, upper);
  const [free, capped] = await Promise.allSettled([
    PreparedStep.start(task, config, signal),
    PreparedStep.start({ ...task, memoryCapBytes }, config, signal),
  ]);
  try {
    if (free.status === "rejected") throw free.reason;
    const measured = await free.value.measure(timedStepsFor(predicted.stepMs.expected), signal);
    const within = await withinCap(async () => {
      if (capped.status === "rejected") throw capped.reason;
      return await capped.value.measure(0, signal);
    });
    const cappedBytes = within?.sample.measuredPeakBytes ?? Number.POSITIVE_INFINITY;
    return rowOf(predicted, measured, cappedBytes > upper);
  } finally {
    for (const start of [free, capped]) if (start.status === "fulfilled") await start.value[Symbol.asyncDispose]();
  }
}

/** Undefined: the allocator's limit stopped it. */
async function withinCap(run: () => Promise<MeasuredStep>): Promise<MeasuredStep | undefined> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof MpoError && error.code === "over-memory-cap") return undefined;
    throw error;
  }
}

function rowOf(
  predicted: StepPrediction,
  { sample, othersCpuShare }: MeasuredStep,
  isOverBound: boolean,
): EmulationRow {
  const { memoryBytes, stepMs } = predicted;
  const measuredBytes = sample.measuredPeakBytes ?? 0;
  const measuredMs = typical(sample.msPerStep);
  return {
    config: sample.config,
    predicted,
    measuredBytes,
    measuredMs,
    memoryError: Math.abs(memoryBytes.expected / measuredBytes - 1),
    timeError: Math.abs(stepMs.expected / measuredMs - 1),
    isOverBound,
    ...(othersCpuShare === undefined ? {} : { othersCpuShare }),
  };
}
