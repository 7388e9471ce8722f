import { resolveRetrainConfig, typical } from "@mpo/core";
import { PreparedStep, type StepTask } from "@mpo/engine";

/** Steps that one look takes: the first of a process, which warms it, is another. */
const STEPS = 3;
/** Micro-batches of the step that is looked at: everything trains. */
const MICRO_BATCHES = 4;

/**
 * The step that measures the speed of the machine, in a process that stays. A shared machine gives the same program
 * half as much time again from one minute to the next without any other program to be seen on it; beside a prediction's
 * error, this shows how much of it no prediction could know.
 */
export async function referenceStep(task: StepTask, batch: number, signal: AbortSignal): Promise<PreparedStep> {
  const accumulation = batch % MICRO_BATCHES === 0 ? MICRO_BATCHES : 1;
  const config = resolveRetrainConfig({ microBatch: batch / accumulation, accumulation });
  return await PreparedStep.start(task, config, signal);
}

/** How fast the machine is now: milliseconds of that step. */
export async function timeNow(step: PreparedStep, signal: AbortSignal): Promise<number> {
  const { sample } = await step.measure(STEPS, signal);
  return typical(sample.stepMs);
}
