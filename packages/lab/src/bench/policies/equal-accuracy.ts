import { mean, SECOND_MS } from "@mpo/core";
import { CONTENDER_NAMES, type ContenderName, isPublished } from "./contenders.ts";
import type { MeasuredCell, MeasuredRun } from "./measured-cell.ts";
import { byLimits, type Limits } from "./policy-accounting.ts";
import { type ChoiceTask, lowMemoryRuns, quickRuns } from "./policy-choices.ts";
import { bookRun, type PolicyRun, type PolicyRunTask } from "./policy-run.ts";

/** What a contender took for its accuracy under one pair of limits, and what the joint policy takes for the same there. */
export interface EqualCell {
  readonly limits: Limits;
  readonly policy: ContenderName;
  /** The contender's, mean over the drifts, 0 to 1. */
  readonly accuracy: number;
  readonly memory: Needed;
  /** Seconds of the steps. */
  readonly time: Needed;
  /** The same with the share of the probe that each is charged: a published rule none. */
  readonly timeWithProbe: Needed;
}

/** `joint` is undefined where nothing that was tried of it reached the accuracy. */
export interface Needed {
  readonly other: number;
  readonly joint: number | undefined;
}

/** Against one contender, over all limits under which it adapted the model. */
export interface EqualSummary {
  readonly policy: ContenderName;
  readonly cells: number;
  /** Those in which the joint policy reached the accuracy, of the cells: with less memory in mind, and with less time. */
  readonly memoryReached: number;
  readonly timeReached: number;
  /** The contender's over the joint policy's, geometric means; undefined where it was reached nowhere. */
  readonly memoryRatio: number | undefined;
  readonly timeRatio: number | undefined;
  readonly timeWithProbeRatio: number | undefined;
}

/** Accuracies no further below than this are the same: half a point. */
const SAME_ACCURACY = 0.005;
/** Runs that are tried before an accuracy counts as not reached. */
const MOST_TRIES = 5;

/**
 * Finds what the joint policy needs for the accuracy of every other contender, under the very limits under which that reached
 * it: the least memory within the same window, and the least time within the same memory. What the search would choose for
 * either is tried, cheapest first, until the measured accuracy is reached.
 */
export async function equalAccuracy(
  cells: readonly MeasuredCell[],
  choice: ChoiceTask,
  task: PolicyRunTask,
): Promise<readonly EqualCell[]> {
  const found: EqualCell[] = [];
  for (const group of byLimits(cells)) {
    const [{ limits }] = group as [MeasuredCell];
    const own = group.flatMap(({ policy, ran }) => (policy === "joint" ? ran : []));
    const small = lowMemoryRuns(choice, limits);
    const quick = quickRuns(choice, limits);
    for (const { policy, after, ran } of group) {
      if (policy === "joint" || ran.length === 0) continue;
      const least = mean(after) - SAME_ACCURACY;
      const reaching = ran.filter((run) => mean(run.after) >= least);
      const bytes = await leastOf({ own, tried: small, least, of: "peakBytes" }, task);
      const jointSeconds = await leastOf({ own, tried: quick, least, of: "seconds" }, task);
      const seconds = Math.min(...reaching.map((run) => run.seconds));
      const probe = choice.probeMs / SECOND_MS / Math.max(1, choice.windows);
      found.push({
        limits,
        policy,
        accuracy: mean(after),
        memory: { other: Math.min(...reaching.map(({ peakBytes }) => peakBytes)), joint: bytes },
        time: { other: seconds, joint: jointSeconds },
        timeWithProbe: {
          other: isPublished(policy) ? seconds : seconds + probe,
          joint: jointSeconds === undefined ? undefined : jointSeconds + probe,
        },
      });
    }
  }
  return found;
}

/** One row a contender. */
export function summariseEqual(cells: readonly EqualCell[]): readonly EqualSummary[] {
  return CONTENDER_NAMES.filter((policy) => policy !== "joint").map((policy) => {
    const own = cells.filter((cell) => cell.policy === policy);
    const memory = ratiosOf(own.map((cell) => cell.memory));
    const time = ratiosOf(own.map((cell) => cell.time));
    return {
      policy,
      cells: own.length,
      memoryReached: memory.length,
      timeReached: time.length,
      memoryRatio: geometricMean(memory),
      timeRatio: geometricMean(time),
      timeWithProbeRatio: geometricMean(ratiosOf(own.map((cell) => cell.timeWithProbe))),
    };
  });
}

interface Sought {
  /** What has run already. */
  readonly own: readonly MeasuredRun[];
  /** Cheapest first. */
  readonly tried: readonly PolicyRun[];
  readonly least: number;
  readonly of: "peakBytes" | "seconds";
}

/** The least amount of all that has run, and of the first of those tried that reaches the accuracy. */
async function leastOf({ own, tried, least, of }: Sought, task: PolicyRunTask): Promise<number | undefined> {
  const amounts = own.filter(({ after }) => mean(after) >= least).map((run) => run[of]);
  for (const run of tried.slice(0, MOST_TRIES)) {
    const booked = await bookRun(run, task);
    if (booked === undefined || mean(booked.after) < least) continue;
    amounts.push(booked[of]);
    break;
  }
  return amounts.length === 0 ? undefined : Math.min(...amounts);
}

function ratiosOf(needs: readonly Needed[]): readonly number[] {
  return needs.flatMap(({ other, joint }) => (joint === undefined || joint <= 0 || other <= 0 ? [] : [other / joint]));
}

function geometricMean(ratios: readonly number[]): number | undefined {
  return ratios.length === 0 ? undefined : Math.exp(mean(ratios.map(Math.log)));
}
