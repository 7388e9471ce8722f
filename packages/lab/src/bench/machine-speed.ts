import { type RetrainConfig, resolveRetrainConfig, typical } from "@mpo/core";
import { PreparedStep, type StepTask } from "@mpo/engine";

/** Steps that one look takes: the first of a process, which warms it, is another. */
const STEPS = 3;
/** Micro-batches of the step that is looked at. */
const MICRO_BATCHES = 4;

/**
 * How fast the machine is at a moment: the time of one and the same step, in a process that stays. A shared machine gives
 * the same program half as much time again from one minute to the next without any other program to be seen on it; beside
 * a prediction's error, this tells how much of it no prediction could know.
 */
export class MachineSpeed implements AsyncDisposable {
  readonly #step: PreparedStep;

  private constructor(step: PreparedStep) {
    this.#step = step;
  }

  static async start(task: StepTask, batch: number, signal: AbortSignal): Promise<MachineSpeed> {
    const step = await PreparedStep.start(task, referenceConfig(batch), signal);
    return new MachineSpeed(step);
  }

  /** Milliseconds of the step now. */
  async look(signal: AbortSignal): Promise<number> {
    const { sample } = await this.#step.measure(STEPS, signal);
    return typical(sample.stepMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#step[Symbol.asyncDispose]();
  }
}

/** Everything trains, in a few micro-batches. */
function referenceConfig(batch: number): RetrainConfig {
  const accumulation = batch % MICRO_BATCHES === 0 ? MICRO_BATCHES : 1;
  return resolveRetrainConfig({ microBatch: batch / accumulation, accumulation });
}
