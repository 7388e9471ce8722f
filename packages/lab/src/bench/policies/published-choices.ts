import { type Prediction, withPrescribedRates } from "@mpo/core";
import type { Limits } from "./policy-accounting.ts";
import type { ChoiceTask } from "./policy-choices.ts";
import { type PolicyRun, policyRun } from "./policy-run.ts";
import { PUBLISHED_NAMES, PUBLISHED_RULES, type PublishedName } from "./published-rules.ts";

/** What one published rule would run under one pair of limits. */
export interface PublishedChoice {
  readonly limits: Limits;
  readonly policy: PublishedName;
  /**
   * In the order of the rule: the first that keeps the memory limit counts. Of each, one pass over the samples and as many as
   * the window holds: all run, and the better counts.
   */
  readonly attempts: readonly (readonly PolicyRun[])[];
  /** Why there are none. */
  readonly because?: string;
}

/**
 * What every published rule runs under one pair of limits. Whatever is in doubt is decided for the rule: it has the whole
 * window, no probe is charged; a config is tried where it might fit, by the lower end of what is predicted, and may take all
 * of the memory limit.
 */
export function publishedUnder(task: ChoiceTask, limits: Limits): readonly PublishedChoice[] {
  const { planner, method } = task;
  const { effectiveBatch, microBatches } = planner.candidates;
  const input = { unitCount: planner.costs.chain.units.length, effectiveBatch, microBatches };
  return PUBLISHED_NAMES.map((policy): PublishedChoice => {
    const predictions = PUBLISHED_RULES[policy](input).map((config) =>
      planner.predict(withPrescribedRates(config, method), limits.windowMs),
    );
    const fitting = predictions.filter(({ memoryBytes }) => mayFit(memoryBytes, limits.memoryBytes));
    if (fitting.length === 0) return { limits, policy, attempts: [], because: "it does not fit the memory" };
    const running = fitting.filter(({ stepsInWindow }) => stepsInWindow > 0);
    if (running.length === 0) return { limits, policy, attempts: [], because: "not one step fits the window" };
    const attempts = running.flatMap((prediction) =>
      capsOf(prediction, limits).map((cap) => runsOf(capped(prediction, cap), task.sampleCount)),
    );
    return { limits, policy, attempts };
  });
}

function mayFit({ expected, upper }: Prediction["memoryBytes"], limit: number): boolean {
  return expected - (upper - expected) <= limit;
}

/** Its own bound first, with which a policy that is searched may have run it already; where that was too low, the limit. */
function capsOf({ memoryBytes: { upper } }: Prediction, limits: Limits): readonly number[] {
  return upper < limits.memoryBytes ? [upper, limits.memoryBytes] : [limits.memoryBytes];
}

function capped(prediction: Prediction, upper: number): Prediction {
  const { expected } = prediction.memoryBytes;
  return { ...prediction, memoryBytes: { expected: Math.min(expected, upper), upper } };
}

/** One pass over the samples, and as many as the window holds. */
function runsOf(prediction: Prediction, sampleCount: number): readonly PolicyRun[] {
  const { accuracy, stepsInWindow } = prediction;
  const runs = [1, stepsInWindow].map((steps) =>
    policyRun({ ...prediction, accuracy: { ...accuracy, steps } }, sampleCount),
  );
  return [...new Map(runs.map((run) => [run.key, run])).values()];
}
