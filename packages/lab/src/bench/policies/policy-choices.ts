import {
  type MethodName,
  type Planner,
  POLICY_NAMES,
  type PolicyName,
  type Prediction,
  type SearchObjective,
  type SearchResult,
} from "@mpo/core";
import { searchPolicy } from "../../policy-outcomes.ts";
import { chargedWindowMs, type Limits } from "./policy-accounting.ts";
import { type PolicyRun, policyRun } from "./policy-run.ts";

/** What one policy would run under one pair of limits. */
export interface PolicyChoice {
  readonly limits: Limits;
  readonly policy: PolicyName;
  /** Best first; after it what would run if it broke its memory bound. Empty: the model stays as it is. */
  readonly runs: readonly PolicyRun[];
  /** Why there are none. */
  readonly because?: string;
}

export interface ChoiceTask {
  readonly method: MethodName;
  readonly planner: Planner;
  readonly objective: SearchObjective;
  /** Images that a window has to adapt to. */
  readonly sampleCount: number;
  /** Time of the probe, and the windows among which it is shared. */
  readonly probeMs: number;
  readonly windows: number;
}

/** Every policy's choice under one pair of limits: the same search, by each policy's own rules. */
export function chooseUnder(task: ChoiceTask, limits: Limits): readonly PolicyChoice[] {
  return POLICY_NAMES.map((policy): PolicyChoice => {
    const windowMs = chargedWindowMs(limits.windowMs, task.probeMs, task.windows);
    if (windowMs <= 0) {
      return { limits, policy, runs: [], because: `the window's share of the probe uses all of it` };
    }
    const outcome = searchPolicy(task.planner, { ...limits, windowMs }, task.objective, policy);
    if ("refusal" in outcome) return { limits, policy, runs: [], because: outcome.refusal.message };
    const rungs = [...outcome.result.ladder].reverse().filter(({ accuracy }) => accuracy.steps > 0);
    if (rungs.length === 0) return { limits, policy, runs: [], because: "no training is expected to improve accuracy" };
    return { limits, policy, runs: rungs.map((rung) => policyRun(rung, task.sampleCount)) };
  });
}

/**
 * Runs of the joint policy that may reach an accuracy under limits with little memory, least first: what it would choose
 * for memory, and its ladder. None where no step fits.
 */
export function lowMemoryRuns(task: ChoiceTask, limits: Limits): readonly PolicyRun[] {
  const least = jointly(task, limits, "memory");
  const best = jointly(task, limits, "accuracy");
  if (least === undefined || best === undefined) return [];
  const above = best.ladder.filter(({ memoryBytes }) => memoryBytes.expected > least.best.memoryBytes.expected);
  return [least.best, ...above]
    .filter(({ accuracy }) => accuracy.steps > 0)
    .map((prediction) => policyRun(prediction, task.sampleCount));
}

/** Ever longer runs (1, 2, 4, ... steps) of what the joint policy would choose for time. None where no step fits. */
export function quickRuns(task: ChoiceTask, limits: Limits): readonly PolicyRun[] {
  const found = jointly(task, limits, "time");
  if (found === undefined) return [];
  const { best } = found;
  const runs: PolicyRun[] = [];
  for (let steps = 1; steps <= best.stepsInWindow; steps *= 2) {
    runs.push(policyRun(stoppedAfter(best, steps), task.sampleCount));
  }
  return runs;
}

/** The same config in a window that ends after so many steps. */
function stoppedAfter(prediction: Prediction, steps: number): Prediction {
  return { ...prediction, stepsInWindow: steps, accuracy: { ...prediction.accuracy, steps } };
}

function jointly(task: ChoiceTask, limits: Limits, objective: SearchObjective): SearchResult | undefined {
  const windowMs = chargedWindowMs(limits.windowMs, task.probeMs, task.windows);
  if (windowMs <= 0) return undefined;
  const outcome = searchPolicy(task.planner, { ...limits, windowMs }, objective, "joint");
  return "result" in outcome ? outcome.result : undefined;
}
