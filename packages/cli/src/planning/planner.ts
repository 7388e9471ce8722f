import {
  AccuracyModel,
  CandidateTable,
  CostModel,
  type FixedRates,
  MpoError,
  type Profile,
  type SearchBudget,
  type SearchObjective,
  UnitCostTable,
} from "@mpo/core";
import type { ProfileDocument } from "./profile-document.ts";
import { fixedRatesOf, methodNamed } from "./subject.ts";

/** Everything that predictions and searches of one profile need. */
export interface Planner {
  readonly costs: CostModel;
  readonly accuracy: AccuracyModel;
  /** Rates that the profile's method prescribes. */
  readonly fixedRates: FixedRates;
}

/** Fits the models of a profile: milliseconds. `units` may be shared between all profiles of one chain. */
export function plannerOf(
  { profile, chain }: Pick<ProfileDocument, "profile" | "chain">,
  units: UnitCostTable = new UnitCostTable(chain),
): Planner {
  return {
    costs: new CostModel(chain, profile, units),
    accuracy: new AccuracyModel(profile.accuracy, { hasBatchStatistics: profile.model.hasBatchStatistics }),
    fixedRates: fixedRatesOf(methodNamed(profile.method.loss)),
  };
}

/** Every candidate of a search, under what the profile's method prescribes. */
export function candidatesOf({ costs, accuracy, fixedRates }: Planner): CandidateTable {
  return new CandidateTable(costs, accuracy, { fixedRates });
}

/** A budget as it stands on the command line. */
export interface BudgetOptions {
  /** Bytes that a step may add to the idle process. */
  readonly memory?: number;
  /** Bytes of the whole worker process. */
  readonly memoryTotal?: number;
  /** Milliseconds. */
  readonly window: number;
}

/** The budget of a search. Throws `invalid-argument`, and `over-budget` when not even the idle process fits. */
export function budgetFrom({ memory, memoryTotal, window }: BudgetOptions, { idleBytes }: Profile): SearchBudget {
  if ((memory === undefined) === (memoryTotal === undefined)) {
    throw new MpoError("invalid-argument", "give one of --memory (above idle) and --memory-total (the whole process)");
  }
  const memoryBytes = memory ?? (memoryTotal as number) - idleBytes;
  if (memoryBytes > 0) return { memoryBytes, windowMs: window };
  throw new MpoError(
    "over-budget",
    `--memory-total ${memoryTotal} bytes: the idle process alone takes ${Math.ceil(idleBytes)} bytes`,
    { hint: "Give it more memory; --memory counts above the idle process." },
  );
}

export const OBJECTIVES: readonly SearchObjective[] = ["accuracy", "memory", "time"];

/** An objective by its name. Throws `invalid-argument`. */
export function objectiveNamed(name: string): SearchObjective {
  const objective = OBJECTIVES.find((known) => known === name);
  if (objective === undefined) {
    throw new MpoError("invalid-argument", `--objective ${name} is unknown; expected ${OBJECTIVES.join(", ")}`);
  }
  return objective;
}
