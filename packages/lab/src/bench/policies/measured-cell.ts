import { endOfWindow, isOutOfMemory, MpoError, mean, runWindow } from "@mpo/core";
import { systemClock } from "@mpo/io";
import type { PolicyCell } from "./policy-accounting.ts";
import type { PolicyChoice } from "./policy-choices.ts";
import type { PolicyRun } from "./policy-run.ts";
import type { BookedRun, RunBook } from "./run-book.ts";

/** A cell with everything that was measured of it. */
export interface MeasuredCell extends PolicyCell {
  /** Undefined: nothing ran. */
  readonly run: PolicyRun | undefined;
  /** Why nothing ran. */
  readonly because: string | undefined;
  readonly peakBytes: number;
  /** Mean over the drifts, of the steps alone. */
  readonly seconds: number;
}

/**
 * Opens a window as a device does, for all drifts at once: the best of a choice's runs that keeps its memory bound. Limits
 * of time are those of the steps, for which the runs were chosen. `before`: accuracies of the model as it is.
 */
export async function measureCell(
  { limits, policy, runs, because }: PolicyChoice,
  book: RunBook,
  before: readonly number[],
  signal: AbortSignal,
): Promise<MeasuredCell> {
  const byRung = new Map(runs.map((run) => [run.chosen, run]));
  const window = await runWindow(
    { rungs: [...byRung.keys()].reverse(), windowMs: Number.POSITIVE_INFINITY },
    {
      clock: systemClock,
      freeBytes: () => limits.memoryBytes,
      train: async (rung) => {
        const run = byRung.get(rung) as PolicyRun;
        const booked = await book.run(run);
        const { peakBytes } = booked;
        if (peakBytes === undefined) throw new MpoError("over-memory-cap", "every run broke its own memory bound");
        return {
          run,
          peakBytes,
          after: booked.outcomes.map(({ accuracyAfter }) => accuracyAfter),
          seconds: secondsOf(booked),
        };
      },
    },
    signal,
  );
  signal.throwIfAborted();
  const ended = window.tries.at(-1)?.ended;
  if (ended === undefined || ("error" in ended && isOutOfMemory(ended.error))) {
    const why = because ?? ended?.error.message;
    return { limits, policy, isAdapted: false, after: before, run: undefined, because: why, peakBytes: 0, seconds: 0 };
  }
  return { limits, policy, isAdapted: true, because: undefined, ...endOfWindow(window).result };
}

/** Mean time of a run's steps over the drifts. */
export function secondsOf({ outcomes }: BookedRun): number {
  return mean(outcomes.map(({ seconds }) => seconds));
}
