import { mean, POLICY_NAMES, type PolicyName } from "@mpo/core";
import type { MeasuredCell } from "./measured-cell.ts";
import { SINGLE_TECHNIQUES } from "./policy-accounting.ts";
import { type ChoiceTask, lowMemoryRuns, quickRuns } from "./policy-choices.ts";
import { type BookedRun, bookRun, type PolicyRun, type PolicyRunTask } from "./policy-run.ts";

/** The least of something with which a policy was seen to reach the accuracy. */
export interface LeastNeeded {
  readonly amount: number;
  /** Mean over the drifts, 0 to 1. */
  readonly accuracy: number;
  readonly run: PolicyRun;
}

/** What one policy needs for the accuracy; undefined: none of what was tried reached it. */
export interface PolicyNeeds {
  readonly policy: PolicyName;
  readonly bytes: LeastNeeded | undefined;
  readonly seconds: LeastNeeded | undefined;
}

/** What the policies need for the same accuracy. */
export interface EqualAccuracy {
  /** That of the best single technique under the loosest limits, mean over the drifts. */
  readonly accuracy: number;
  readonly technique: PolicyName;
  readonly needs: readonly PolicyNeeds[];
  /** Plain over joint; undefined where one of them did not reach the accuracy. */
  readonly memoryRatio: number | undefined;
  readonly timeRatio: number | undefined;
}

/** Accuracies no further below than this are the same: half a point. */
const SAME_ACCURACY = 0.005;
/** Runs of one policy that are tried before it counts as not reaching the accuracy. */
const MOST_TRIES = 5;

/** Policies for which runs are made only to find this; of the others, what ran under the limits is looked at. */
const SOUGHT: readonly PolicyName[] = ["fullBatch", "joint"];

/**
 * Finds what each policy needs for the accuracy of the best single technique: the least memory, time being no matter
 * within the longest window; and the least time, memory being no matter. For the plain and the joint policy, what the
 * search would choose for either is tried, cheapest first, until the measured accuracy is reached.
 */
export async function equalAccuracy(
  cells: readonly MeasuredCell[],
  choice: ChoiceTask,
  task: PolicyRunTask,
  windowMs: number,
): Promise<EqualAccuracy> {
  const { accuracy, technique } = targetOf(cells);
  const needs: PolicyNeeds[] = [];
  for (const policy of POLICY_NAMES) {
    const own = cells.flatMap((cell) => (cell.policy === policy && cell.run !== undefined ? [cell.run] : []));
    const isSought = SOUGHT.includes(policy);
    const small = isSought ? lowMemoryRuns(choice, policy, windowMs) : [];
    const quick = isSought ? quickRuns(choice, policy, windowMs) : [];
    const bytes = await leastOf({ own, tried: small, accuracy, of: "peakBytes" }, task);
    const seconds = await leastOf({ own, tried: quick, accuracy, of: "seconds" }, task);
    needs.push({ policy, bytes, seconds });
  }
  const of = (name: PolicyName): PolicyNeeds => needs.find(({ policy }) => policy === name) as PolicyNeeds;
  return {
    accuracy,
    technique,
    needs,
    memoryRatio: ratio(of("fullBatch").bytes, of("joint").bytes),
    timeRatio: ratio(of("fullBatch").seconds, of("joint").seconds),
  };
}

/** Under the loosest limits. */
function targetOf(cells: readonly MeasuredCell[]): { readonly accuracy: number; readonly technique: PolicyName } {
  const memoryBytes = Math.max(...cells.map(({ limits }) => limits.memoryBytes));
  const windowMs = Math.max(...cells.map(({ limits }) => limits.windowMs));
  return cells
    .filter(({ limits, policy }) => {
      return limits.memoryBytes === memoryBytes && limits.windowMs === windowMs && SINGLE_TECHNIQUES.includes(policy);
    })
    .map(({ policy, after }) => ({ technique: policy, accuracy: mean(after) }))
    .reduce((best, one) => (one.accuracy > best.accuracy ? one : best));
}

interface Sought {
  /** What has run already. */
  readonly own: readonly PolicyRun[];
  /** Cheapest first. */
  readonly tried: readonly PolicyRun[];
  readonly accuracy: number;
  readonly of: keyof Pick<BookedRun, "peakBytes" | "seconds">;
}

/** The least amount of all that has run, and of the first of those tried that reaches the accuracy. */
async function leastOf({ own, tried, accuracy, of }: Sought, task: PolicyRunTask): Promise<LeastNeeded | undefined> {
  let least: LeastNeeded | undefined;
  const reaches = async (run: PolicyRun): Promise<boolean> => {
    const booked = await bookRun(run, task);
    if (booked === undefined || mean(booked.after) < accuracy - SAME_ACCURACY) return false;
    const need = { amount: booked[of], accuracy: mean(booked.after), run };
    if (least === undefined || need.amount < least.amount) least = need;
    return true;
  };
  for (const run of own) await reaches(run);
  for (const run of tried.slice(0, MOST_TRIES)) if (await reaches(run)) break;
  return least;
}

function ratio(plain: LeastNeeded | undefined, joint: LeastNeeded | undefined): number | undefined {
  return plain === undefined || joint === undefined ? undefined : plain.amount / joint.amount;
}
