import { mean } from "@mpo/core";
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

/** Runs the first of a choice's runs that keeps its memory bound. `before`: accuracies of the model as it is. */
export async function measureCell(
  { limits, policy, runs, because }: PolicyChoice,
  book: RunBook,
  before: readonly number[],
): Promise<MeasuredCell> {
  for (const run of runs) {
    const booked = await book.run(run);
    if (booked.peakBytes === undefined) continue;
    const after = booked.outcomes.map(({ accuracyAfter }) => accuracyAfter);
    const { peakBytes } = booked;
    return { limits, policy, isAdapted: true, after, run, because: undefined, peakBytes, seconds: secondsOf(booked) };
  }
  const why = because ?? "every run broke its own memory bound";
  return { limits, policy, isAdapted: false, after: before, run: undefined, because: why, peakBytes: 0, seconds: 0 };
}

/** Mean time of a run's steps over the drifts. */
export function secondsOf({ outcomes }: BookedRun): number {
  return mean(outcomes.map(({ seconds }) => seconds));
}
