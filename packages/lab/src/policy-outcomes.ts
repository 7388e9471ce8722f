import {
  hasCode,
  type MpoError,
  type Planner,
  POLICY_NAMES,
  type PolicyName,
  type SearchBudget,
  type SearchObjective,
  type SearchResult,
} from "@mpo/core";

/** What one policy makes of a budget: its own best choice, or why nothing that it may choose fits. */
export type PolicyOutcome =
  | { readonly policy: PolicyName; readonly result: SearchResult }
  | { readonly policy: PolicyName; readonly refusal: MpoError };

/** The same search for every policy, each with its own rules. Throws errors that are not about the budget. */
export function searchPolicies(
  planner: Planner,
  budget: SearchBudget,
  objective: SearchObjective,
): readonly PolicyOutcome[] {
  return POLICY_NAMES.map((policy) => searchPolicy(planner, budget, objective, policy));
}

/** The search under one policy's rules. Throws errors that are not about the budget. */
export function searchPolicy(
  planner: Planner,
  budget: SearchBudget,
  objective: SearchObjective,
  policy: PolicyName,
): PolicyOutcome {
  try {
    return { policy, result: planner.search(budget, { objective, policy }) };
  } catch (error) {
    if (hasCode(error, "over-budget")) return { policy, refusal: error };
    throw error;
  }
}

/** The policies as people read them. */
export const POLICY_TITLES: Readonly<Record<PolicyName, string>> = {
  fullBatch: "plain",
  microBatch: "micro-batch only",
  freezing: "freezing only",
  checkpointing: "checkpointing only",
  microBatchAndCheckpointing: "micro-batch + checkpointing",
  joint: "joint",
};
