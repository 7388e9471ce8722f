import { AccuracyModel } from "../accuracy/index.ts";
import {
  type AccuracySample,
  type Chain,
  type CostProfile,
  given,
  type Prediction,
  type Profile,
  type RetrainConfig,
  remembered,
  type SearchBudget,
} from "../facts/index.ts";
import { UnitCostTable } from "../memory/index.ts";
import { type FixedRates, prescribedRates } from "../plan/index.ts";
import { CandidateTable } from "./candidate-table.ts";
import { CostModel } from "./cost-model.ts";
import { predictionOf } from "./prediction.ts";
import { type SearchOptions, search } from "./search.ts";
import type { SearchResult } from "./search-result.ts";

/** As much of a profile as a planner is made of. */
export type PlannedProfile = CostProfile & Pick<Profile, "accuracy"> & PlannedMethod;

/** A device that nothing was measured on: memory is what plans say, times are those of a slow core. */
export type Unmeasured = Pick<CostProfile, "memoryFacts" | "effectiveBatch"> & PlannedMethod;

interface PlannedMethod {
  readonly method: Pick<Profile["method"], "loss">;
  readonly model: Pick<Profile["model"], "hasBatchStatistics">;
}

export interface PlannerOptions {
  /** What the fleet knows of the model's accuracy. */
  readonly priors?: readonly AccuracySample[];
  /** Default: what the profile's method prescribes. */
  readonly fixedRates?: FixedRates;
}

/** All that is predicted of one model on one device, and the search over it. */
export class Planner {
  readonly costs: CostModel;
  readonly accuracy: AccuracyModel;
  readonly #fixedRates: FixedRates;
  #candidates: CandidateTable | undefined;

  constructor(costs: CostModel, accuracy: AccuracyModel, fixedRates: FixedRates) {
    this.costs = costs;
    this.accuracy = accuracy;
    this.#fixedRates = fixedRates;
  }

  /** Made at the first search: a prediction alone needs none. */
  get candidates(): CandidateTable {
    this.#candidates ??= new CandidateTable(this.costs, this.accuracy, this.#fixedRates);
    return this.#candidates;
  }

  /** What becomes of one config in a window. Throws `invalid-argument` for one that the model cannot run. */
  predict(config: RetrainConfig, windowMs: number, overheadMs: number = 0): Prediction {
    return predictionOf(config, this.costs.predict(config), { accuracy: this.accuracy, windowMs, overheadMs });
  }

  /** The best config for a budget, its ladder, and what cut each of the others. Throws `over-budget` when nothing fits. */
  search(budget: SearchBudget, options: SearchOptions = {}): SearchResult {
    return search(this.candidates, budget, options);
  }
}

/** What is planned of a chain, whatever the device: shared by the planners of all devices that have this very object. */
const UNITS = new WeakMap<Chain, UnitCostTable>();

const NOTHING_MEASURED = { unitTimes: [], steps: [], updates: [], accuracy: [], spent: {} } as const;

/** Fits the models of a profile: milliseconds, and less for the second device of a chain. */
export function plannerOf(
  profile: PlannedProfile | Unmeasured,
  chain: Chain,
  { priors, fixedRates = prescribedRates(profile.method.loss) }: PlannerOptions = {},
): Planner {
  const units = remembered(UNITS, chain, () => new UnitCostTable(chain));
  const measured: PlannedProfile = "steps" in profile ? profile : { ...profile, ...NOTHING_MEASURED };
  const { hasBatchStatistics } = profile.model;
  const accuracy = new AccuracyModel(measured.accuracy, { hasBatchStatistics, chain, ...given({ priors }) });
  return new Planner(new CostModel(chain, measured, units), accuracy, fixedRates);
}
