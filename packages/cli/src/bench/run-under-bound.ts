import { type CostModel, MpoError, type RetrainConfig, type StepPrediction, typical } from "@mpo/core";
import { type MeasuredStep, PreparedStep, poolCapFor, type StepTask, timedStepsFor } from "@mpo/engine";

/** One config that was predicted, and run with the upper bound of its memory as the allocator's hard limit. */
export interface EmulationRow {
  readonly config: RetrainConfig;
  readonly predicted: StepPrediction;
  readonly measuredBytes: number;
  readonly measuredMs: number;
  /** Relative, without sign. */
  readonly memoryError: number;
  readonly timeError: number;
  /** It did not get by with its bound: the allocator refused (then it was run again without a limit), or it grew by more. */
  readonly isOverBound: boolean;
  /** Share of the processor that other programs took meanwhile; absent: not known. */
  readonly othersCpuShare?: number;
}

/** Loads the workers of some configs at the same time, to use all cores, and runs them one after the other. */
export async function runUnderBounds(
  task: StepTask,
  costModel: CostModel,
  configs: readonly RetrainConfig[],
  signal: AbortSignal,
): Promise<readonly EmulationRow[]> {
  const predictions = configs.map((config) => costModel.predict(config));
  const starts = await Promise.allSettled(
    configs.map((config, index) => {
      const upper = (predictions[index] as StepPrediction).memoryBytes.upper;
      const memoryCapBytes = poolCapFor(task.model.graph, config, costModel.profile.memoryFacts, upper);
      return PreparedStep.start({ ...task, memoryCapBytes }, config, signal);
    }),
  );
  const rows: EmulationRow[] = [];
  try {
    for (const [index, start] of starts.entries()) {
      const config = configs[index] as RetrainConfig;
      const predicted = predictions[index] as StepPrediction;
      const timedSteps = timedStepsFor(predicted.stepMs.expected);
      const capped = await withinCap(async () => {
        if (start.status === "rejected") throw start.reason;
        return await start.value.measure(timedSteps, signal);
      });
      if (start.status === "fulfilled") await start.value[Symbol.asyncDispose]();
      const measured = capped ?? (await runFreely(task, config, timedSteps, signal));
      rows.push(rowOf(predicted, measured, capped === undefined));
    }
  } finally {
    for (const start of starts) if (start.status === "fulfilled") await start.value[Symbol.asyncDispose]();
  }
  return rows;
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

async function runFreely(
  task: StepTask,
  config: RetrainConfig,
  timedSteps: number,
  signal: AbortSignal,
): Promise<MeasuredStep> {
  await using prepared = await PreparedStep.start(task, config, signal);
  return await prepared.measure(timedSteps, signal);
}

function rowOf(predicted: StepPrediction, { sample, othersCpuShare }: MeasuredStep, wasStopped: boolean): EmulationRow {
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
    isOverBound: wasStopped || measuredBytes > memoryBytes.upper,
    ...(othersCpuShare === undefined ? {} : { othersCpuShare }),
  };
}
