import type { CostModel } from "./cost-model.ts";
import { type FixedRates, type FreezingChoice, freezingChoices, trainedBytes } from "./freezing-choices.ts";
import { type MsCurve, msAt } from "./ms-curve.ts";
import type { PeakEnvelope } from "./peak-envelope.ts";
import type { UnitCosts } from "./plan-unit.ts";
import type { CheckpointKind } from "./policies.ts";
import type { Checkpoints } from "./retrain-config.ts";
import { RotorPlacement } from "./rotor-placement.ts";
import { type UnitAction, unitSchedule } from "./unit-schedule.ts";
import { walkSchedule } from "./unit-walk.ts";

/** One freezing with one placement of checkpoints: a plan for every micro-batch. */
export interface CataloguePlan {
  /** Position in `PlanCatalogue.choices`. */
  readonly choice: number;
  readonly kind: CheckpointKind;
  readonly checkpoints: Checkpoints;
  /** Peak of one micro-batch, the constant part left out. */
  readonly peak: PeakEnvelope;
  /** Time of one micro-batch, by the units' times. */
  readonly microMs: MsCurve;
  readonly trainedBytes: number;
}

/** Placements of one freezing differ by at least this share of memory; the search looks between them at the end. */
const PLACEMENT_SPACING = 0.4;

/**
 * All plans of one model on one device that a search chooses from: every set of frozen parameters that rates in tenths
 * give, with no checkpoints, with uniform ones, and with the optimal ones of several sizes. Independent of any budget.
 */
export class PlanCatalogue {
  readonly choices: readonly FreezingChoice[];
  readonly plans: readonly CataloguePlan[];
  readonly #model: CostModel;
  readonly #placement: RotorPlacement;

  /** Times are weighed at about `microBatch`. */
  constructor(model: CostModel, fixed: FixedRates = {}, microBatch: number = 16) {
    this.#model = model;
    this.choices = freezingChoices(model.chain, fixed);
    const unfrozen = model.costs.costs(model.chain.parameters.map(() => false));
    const forwardMs = unfrozen.map((unit, index) => msAt(model.prices.unitMs(unit, index).forward, microBatch));
    this.#placement = new RotorPlacement(model.costs, forwardMs, microBatch);
    const segments = Math.max(1, Math.round(Math.sqrt(model.chain.units.length)));
    const none: Checkpoints = { kind: "none" };
    const uniform: Checkpoints = { kind: "uniform", segments };
    const noneActions = unitSchedule(model.chain, none);
    const uniformActions = unitSchedule(model.chain, uniform);
    this.plans = this.choices.flatMap((choice, index) => {
      const costs = model.costs.costs(choice.frozen);
      const plan = (kind: CheckpointKind, checkpoints: Checkpoints, actions: readonly UnitAction[]): CataloguePlan =>
        this.#plan(index, costs, kind, checkpoints, actions);
      const placed = this.#placement.schedules(choice.frozen, costs, PLACEMENT_SPACING);
      return [
        plan("none", none, noneActions),
        // Uniform segments are what a policy without freezing uses; beside optimal ones they have nothing to add.
        ...(index === 0 && segments > 1 ? [plan("uniform", uniform, uniformActions)] : []),
        // The last placement keeps everything, which "none" says already.
        ...placed.slice(0, -1).map((actions) => plan("optimal", { kind: "schedule", actions }, actions)),
      ];
    });
  }

  /** Every optimal placement of one freezing, least memory first, down to the finest step of the table. */
  placements(choice: number): readonly CataloguePlan[] {
    const { frozen } = this.choices[choice] as FreezingChoice;
    const costs = this.#model.costs.costs(frozen);
    return this.#placement
      .schedules(frozen, costs)
      .map((actions) => this.#plan(choice, costs, "optimal", { kind: "schedule", actions }, actions));
  }

  #plan(
    choice: number,
    costs: readonly UnitCosts[],
    kind: CheckpointKind,
    checkpoints: Checkpoints,
    actions: readonly UnitAction[],
  ): CataloguePlan {
    const { chain, profile, prices } = this.#model;
    const walked = walkSchedule(costs, actions, profile.memoryFacts.lossWorkBytesPerSample);
    return {
      choice,
      kind,
      checkpoints,
      peak: walked.peak,
      microMs: prices.scheduleMs(costs, walked),
      trainedBytes: trainedBytes(chain, (this.choices[choice] as FreezingChoice).frozen),
    };
  }
}
