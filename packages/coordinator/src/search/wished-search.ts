import { given, type Profile, type SearchBudget, windowOverheadMs } from "@mpo/core";
import type { KeptFacts } from "../documents/document-service.ts";
import { type BudgetPolicy, type Capacity, deviceBudget } from "./device-budget.ts";
import type { LadderRequest } from "./planned-ladder.ts";
import type { PlanWish } from "./wishes.ts";

interface Within {
  readonly capacity: Capacity;
  readonly policy: BudgetPolicy;
  /** Absent: nothing was measured yet. */
  readonly profile?: Profile | undefined;
}

/** What a search may spend, and what for; `isGiven`: a person has said so. */
export function wishedSearch(
  wish: Pick<PlanWish, "budget" | "objective">,
  ofModel: KeptFacts | undefined,
  { capacity, policy, profile }: Within,
): { readonly request: LadderRequest; readonly isGiven: boolean } {
  // A budget that a person set stays; one of the policy follows the device.
  const kept = ofModel?.budgetSource === "given" ? ofModel.budget : undefined;
  const budget: SearchBudget = {
    ...deviceBudget(capacity, profile?.idleBytes ?? 0, policy),
    ...kept,
    ...given(wish.budget ?? {}),
  };
  const request: LadderRequest = {
    budget,
    objective: wish.objective ?? ofModel?.objective ?? "accuracy",
    overheadMs: profile === undefined ? 0 : windowOverheadMs(profile, budget.windowMs),
  };
  return { request, isGiven: (wish.budget ?? kept) !== undefined };
}
