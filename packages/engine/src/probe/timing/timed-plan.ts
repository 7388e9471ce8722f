import { type Chain, planStep, resolveRetrainConfig, type StepPlan } from "@mpo/core";

/** The plan whose parts are timed: everything trains, nothing is computed twice, gradients are accumulated. */
export function timedPlan(chain: Chain, microBatch: number = 1): StepPlan {
  return planStep(chain, resolveRetrainConfig({ microBatch, accumulation: 2 }));
}
