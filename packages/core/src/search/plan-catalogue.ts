import { PlanSet, placementFor, type UnpricedPlan } from "../memory/index.ts";
import type { FixedRates, FreezingChoice } from "../plan/index.ts";
import { type MsCurve, msAt } from "../time/index.ts";
import type { CostModel } from "./cost-model.ts";

/** One freezing with one placement of checkpoints: a plan for every micro-batch. */
export interface CataloguePlan extends UnpricedPlan {
  /** Time of one micro-batch, by the units' times. */
  readonly microMs: MsCurve;
}

/**
 * All plans of one model on one device that a search chooses from: every set of frozen parameters that rates in tenths
 * give, with no checkpoints, with uniform ones, and with the optimal ones of several sizes. Independent of any budget.
 */
export class PlanCatalogue {
  readonly choices: readonly FreezingChoice[];
  readonly plans: readonly CataloguePlan[];
  readonly #model: CostModel;
  readonly #set: PlanSet;

  /** Times are weighed at about `microBatch`. */
  constructor(model: CostModel, fixed: FixedRates = {}, microBatch: number = 16) {
    this.#model = model;
    const forwardMs = model.costs
      .unfrozen()
      .map((unit, index) => msAt(model.prices.unitMs(unit, index).forward, microBatch));
    const placement = placementFor(model.costs, forwardMs, microBatch);
    this.#set = PlanSet.of(model.costs, placement, { fixed, facts: model.profile.memoryFacts });
    this.choices = this.#set.choices;
    this.plans = this.#set.plans.map((plan) => this.#priced(plan));
  }

  /** Every optimal placement of one freezing, least memory first, down to the finest step of the table. */
  placements(choice: number): readonly CataloguePlan[] {
    return this.#set.placements(choice).map((plan) => this.#priced(plan));
  }

  #priced(plan: UnpricedPlan): CataloguePlan {
    const microMs = this.#model.prices.scheduleMs(this.#set.costs(plan.choice), plan.walked);
    return { ...plan, microMs };
  }
}
