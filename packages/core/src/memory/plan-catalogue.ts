import { type Checkpoints, remembered, type StepMemoryFacts, type UnitAction } from "../facts/index.ts";
import {
  type CheckpointKind,
  type FixedRates,
  type FreezingChoice,
  freezingChoices,
  trainedBytes,
  unitSchedule,
} from "../plan/index.ts";
import type { PeakEnvelope } from "./peak-envelope.ts";
import type { UnitCosts } from "./plan-unit.ts";
import type { RotorPlacement } from "./rotor-placement.ts";
import type { UnitCostTable } from "./unit-costs.ts";
import { type WalkedSchedule, walkSchedule } from "./unit-walk.ts";

/** One freezing with one placement of checkpoints: what it does, whatever the device. */
export interface CataloguePlan {
  /** Position in `PlanCatalogue.choices`. */
  readonly choice: number;
  readonly kind: CheckpointKind;
  readonly checkpoints: Checkpoints;
  /** Peak of one micro-batch, the constant part left out. */
  readonly peak: PeakEnvelope;
  readonly walked: WalkedSchedule;
  readonly trainedBytes: number;
}

interface CatalogueOptions {
  readonly fixed: FixedRates;
  readonly facts: StepMemoryFacts;
}

/** Placements of one freezing differ by at least this share of memory; the search looks between them at the end. */
const PLACEMENT_SPACING = 0.4;
/** By placement: devices that share one share its plans. */
const KNOWN = new WeakMap<RotorPlacement, Map<string, PlanCatalogue>>();

/**
 * The plans of a model that a search chooses from: every set of frozen parameters that rates in tenths give, with no
 * checkpoints, with uniform ones, and with the optimal ones of several sizes. Independent of any budget.
 */
export class PlanCatalogue {
  readonly choices: readonly FreezingChoice[];
  readonly plans: readonly CataloguePlan[];
  readonly #costs: readonly (readonly UnitCosts[])[];
  readonly #trainedBytes: readonly number[];
  readonly #placement: RotorPlacement;
  readonly #lossWorkBytesPerSample: number;
  /** By choice. */
  readonly #finest = new Map<number, readonly CataloguePlan[]>();

  /** The catalogue for these options, made at its first use. */
  static of(table: UnitCostTable, placement: RotorPlacement, options: CatalogueOptions): PlanCatalogue {
    const known = remembered(KNOWN, placement, () => new Map<string, PlanCatalogue>());
    const key = JSON.stringify([options.fixed, options.facts.lossWorkBytesPerSample]);
    return remembered(known, key, () => new PlanCatalogue(table, placement, options));
  }

  private constructor(table: UnitCostTable, placement: RotorPlacement, { fixed, facts }: CatalogueOptions) {
    const { chain } = table;
    this.#placement = placement;
    this.#lossWorkBytesPerSample = facts.lossWorkBytesPerSample;
    this.choices = freezingChoices(chain, fixed);
    this.#costs = this.choices.map(({ frozen }) => table.costs(frozen));
    this.#trainedBytes = this.choices.map(({ frozen }) => trainedBytes(chain, frozen));
    const segments = Math.max(1, Math.round(Math.sqrt(chain.units.length)));
    const none: Checkpoints = { kind: "none" };
    const uniform: Checkpoints = { kind: "uniform", segments };
    const noneActions = unitSchedule(chain, none);
    const uniformActions = unitSchedule(chain, uniform);
    this.plans = this.choices.flatMap(({ frozen }, choice) => [
      this.#plan(choice, "none", none, noneActions),
      // Uniform segments are what a policy without freezing uses; they add nothing to optimal ones.
      ...(choice === 0 && segments > 1 ? [this.#plan(choice, "uniform", uniform, uniformActions)] : []),
      // The last placement keeps everything, which "none" says already.
      ...placement
        .schedules(frozen, this.costs(choice), PLACEMENT_SPACING)
        .slice(0, -1)
        .map((actions) => this.#placed(choice, actions)),
    ]);
  }

  /** Of the units, under one choice. */
  costs(choice: number): readonly UnitCosts[] {
    return this.#costs[choice]!;
  }

  /** Every optimal placement of one freezing, least memory first, down to the finest step of the table. */
  placements(choice: number): readonly CataloguePlan[] {
    return remembered(this.#finest, choice, () => {
      const schedules = this.#placement.schedules(this.choices[choice]!.frozen, this.costs(choice));
      return schedules.map((actions) => this.#placed(choice, actions));
    });
  }

  #placed(choice: number, actions: readonly UnitAction[]): CataloguePlan {
    return this.#plan(choice, "optimal", { kind: "schedule", actions }, actions);
  }

  #plan(choice: number, kind: CheckpointKind, checkpoints: Checkpoints, actions: readonly UnitAction[]): CataloguePlan {
    const walked = walkSchedule(this.costs(choice), actions, this.#lossWorkBytesPerSample);
    const { peak } = walked;
    return { choice, kind, checkpoints, peak, walked, trainedBytes: this.#trainedBytes[choice]! };
  }
}
