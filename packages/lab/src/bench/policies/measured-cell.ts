import { endOfWindow, isOutOfMemory, MIB, MpoError, mean, runWindow } from "@mpo/core";
import { systemClock } from "@mpo/io";
import type { ContenderName } from "./contenders.ts";
import type { Limits, PolicyCell } from "./policy-accounting.ts";
import type { PolicyChoice } from "./policy-choices.ts";
import { type BookedRun, bookRun, type PolicyRun, type PolicyRunTask } from "./policy-run.ts";
import type { PublishedChoice } from "./published-choices.ts";

/** A run that kept its memory limit, and what it came to. */
export interface MeasuredRun extends BookedRun {
  readonly run: PolicyRun;
}

export interface MeasuredCell extends PolicyCell {
  /** What ran, the best first: its accuracies are the cell's. Empty: nothing. */
  readonly ran: readonly MeasuredRun[];
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
        if (booked === undefined || isAbove(booked, limits)) {
          throw new MpoError("over-memory-cap", "every run exceeded its own memory bound");
        }
        return { run, ...booked };
      },
    },
    task.signal,
  );
  task.signal.throwIfAborted();
  const ended = window.tries.at(-1)?.ended;
  if (ended === undefined || ("error" in ended && isOutOfMemory(ended.error))) {
    return unchanged({ limits, policy }, before, because ?? ended?.error.message);
  }
  return adapted({ limits, policy }, [endOfWindow(window).result]);
}

/** Runs what a published rule takes: the first of its configs that keeps the memory limit, at each of its lengths. */
export async function measurePublished(
  { limits, policy, attempts, because }: PublishedChoice,
  task: PolicyRunTask,
  before: readonly number[],
): Promise<MeasuredCell> {
  for (const lengths of attempts) {
    const ran: MeasuredRun[] = [];
    for (const run of lengths) {
      const booked = await bookRun(run, task);
      if (booked === undefined || isAbove(booked, limits)) break;
      ran.push({ run, ...booked });
    }
    if (ran.length > 0) return adapted({ limits, policy }, ran);
  }
  return unchanged({ limits, policy }, before, because ?? "it does not fit the memory");
}

/** What a process takes beside the allocator's pool moves by some megabytes from run to run. */
const SLACK_BYTES = 8 * MIB;

/** The allocator holds its pool to the limit; what the process took beside it counts too. */
function isAbove({ peakBytes }: BookedRun, { memoryBytes }: Limits): boolean {
  return peakBytes > memoryBytes + SLACK_BYTES;
}

interface CellName {
  readonly limits: Limits;
  readonly policy: ContenderName;
}

function unchanged(name: CellName, before: readonly number[], because: string | undefined): MeasuredCell {
  return { ...name, isAdapted: false, after: before, ran: [], because };
}

function adapted(name: CellName, runs: readonly MeasuredRun[]): MeasuredCell {
  const ran = runs.toSorted((left, right) => mean(right.after) - mean(left.after));
  return { ...name, isAdapted: true, after: ran[0]!.after, ran };
}
