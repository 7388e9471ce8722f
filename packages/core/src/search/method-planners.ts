import {
  type Chain,
  given,
  hasCode,
  type MethodName,
  MpoError,
  methodsOf,
  ofMethod,
  type Profile,
  type SearchBudget,
} from "../facts/index.ts";
import { changesAnything } from "../plan/index.ts";
import { type Planner, plannerOf } from "./planner.ts";
import type { SearchOptions } from "./search.ts";
import { type MethodSearch, searchMethods } from "./search-methods.ts";
import type { SearchResult } from "./search-result.ts";

/** The planners of a profile's methods, its own first. */
export type MethodPlanners = ReadonlyMap<MethodName, Planner>;

/**
 * A planner for each method that a profile knows of and that changes anything of the model. `prior`: what the fleet knows, of
 * the same methods or some of them. Throws `precondition-failed` where all of them are of a later release.
 */
export function plannersOf(
  profile: Profile,
  chain: Chain,
  { prior }: { readonly prior?: Profile | undefined } = {},
): MethodPlanners {
  const planners = new Map<MethodName, Planner>();
  const methods = methodsOf(profile);
  const changing = methods.filter((method) => changesAnything(chain, method));
  for (const method of changing.length > 0 ? changing : methods) {
    const own = ofMethod(profile, method);
    const priors = prior && ofMethod(prior, method)?.accuracy;
    if (own !== undefined) planners.set(method, plannerOf(own, chain, given({ priors })));
  }
  if (planners.size > 0) return planners;
  throw new MpoError(
    "precondition-failed",
    `the profile is for ${profile.method.loss}, which this release does not have`,
  );
}

export interface MethodSearchOptions extends SearchOptions {
  /** Methods that may be chosen; default: all. */
  readonly methods?: readonly MethodName[] | undefined;
}

/** One search over the configs of all methods. Throws `over-budget`, as the last of their searches did, where none fits. */
export function searchPlanners(
  planners: MethodPlanners,
  budget: SearchBudget,
  { methods, ...options }: MethodSearchOptions = {},
): MethodSearch {
  const results = new Map<MethodName, SearchResult>();
  let unfitting: unknown;
  for (const [method, planner] of planners) {
    if (methods?.includes(method) === false) continue;
    try {
      results.set(method, planner.search(budget, options));
    } catch (thrown) {
      if (!hasCode(thrown, "over-budget")) throw thrown;
      unfitting = thrown;
    }
  }
  if (results.size === 0 && unfitting !== undefined) throw unfitting;
  return searchMethods(results);
}
