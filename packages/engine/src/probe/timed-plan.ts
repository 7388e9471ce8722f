import {
  type Chain,
  type FreezingRates,
  frozenParameters,
  NOTHING_FROZEN,
  planStep,
  resolveRetrainConfig,
  type StepPlan,
} from "@mpo/core";

/** What trains while a plan is timed: everything, or normalisation alone. */
export type TimedPass = "all" | "normOnly";
export const TIMED_PASSES: readonly TimedPass[] = ["all", "normOnly"];

const FREEZING: Readonly<Record<TimedPass, FreezingRates>> = {
  all: NOTHING_FROZEN,
  normOnly: { featureExtraction: 1, normalisation: 0, linear: 1 },
};

/** The plan whose instructions are timed: nothing is computed twice, gradients are accumulated. */
export function timedPlan(chain: Chain, microBatch: number = 1, pass: TimedPass = "all"): StepPlan {
  return planStep(chain, resolveRetrainConfig({ microBatch, accumulation: 2, freezing: FREEZING[pass] }));
}

/** The passes in which anything trains at all. */
export function passesOf(chain: Chain): readonly TimedPass[] {
  return TIMED_PASSES.filter((pass) => frozenParameters(chain, FREEZING[pass]).some((isFrozen) => !isFrozen));
}
