import { endOfWindow, isOutOfMemory, MpoError, runWindow } from "@mpo/core";
import { systemClock } from "@mpo/io";
import type { PolicyCell } from "./policy-accounting.ts";
import type { PolicyChoice } from "./policy-choices.ts";
import { type BookedRun, bookRun, type PolicyRun, type PolicyRunTask } from "./policy-run.ts";

export interface MeasuredCell extends PolicyCell, BookedRun {
  /** Undefined: nothing ran. */
  readonly run?: PolicyRun;
  /** Why nothing ran. */
  readonly because?: string | undefined;
}

/**
 * Opens a window as a device does, for all drifts at once: the best of a choice's runs that keeps its memory bound. Limits
 * of time are those of the steps, for which the runs were chosen. `before`: accuracies of the model as it is.
 */
export async function measureCell(
  { limits, policy, runs, because }: PolicyChoice,
  task: PolicyRunTask,
  before: readonly number[],
): Promise<MeasuredCell> {
  const byRung = new Map(runs.map((run) => [run.chosen, run]));
  const window = await runWindow(
    { rungs: [...byRung.keys()].reverse(), windowMs: Number.POSITIVE_INFINITY },
    {
      clock: systemClock,
      freeBytes: () => limits.memoryBytes,
      train: async (rung) => {
        const run = byRung.get(rung) as PolicyRun;
        const booked = await bookRun(run, task);
        if (booked === undefined) throw new MpoError("over-memory-cap", "every run exceeded its own memory bound");
        return { run, ...booked };
      },
    },
    task.signal,
  );
  task.signal.throwIfAborted();
  const ended = window.tries.at(-1)?.ended;
  if (ended === undefined || ("error" in ended && isOutOfMemory(ended.error))) {
    const why = because ?? ended?.error.message;
    return { limits, policy, isAdapted: false, after: before, because: why, peakBytes: 0, seconds: 0 };
  }
  return { limits, policy, isAdapted: true, ...endOfWindow(window).result };
}
