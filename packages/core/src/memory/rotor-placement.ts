import {
  type AffineBytes,
  bytesAt,
  type Chain,
  LAYER_CLASSES,
  type LayerClass,
  remembered,
  type UnitAction,
} from "../facts/index.ts";
import { DEFAULT_ROTOR_SLOTS, RotorTable, type RotorUnit, unitSchedule } from "../plan/index.ts";
import { peakAt } from "./peak-envelope.ts";
import type { UnitCosts } from "./plan-unit.ts";
import type { UnitCostTable } from "./unit-costs.ts";

/** Long chains get a coarser memory axis: the table costs units^3 * slots. */
const LONG_CHAIN_UNITS = 24;
const LONG_CHAIN_SLOTS = 250;

/**
 * Optimal checkpoint placements of a chain for any set of frozen parameters. One table serves every micro-batch, every
 * budget and every frozen prefix; there is one for each set of layer classes that train at all. A table counts every
 * layer of such a class as training, so its placements fit whatever part of them is frozen: `walkSchedule` says exactly
 * what a placement needs.
 */
export class RotorPlacement {
  readonly #costs: UnitCostTable;
  readonly #forwardMs: readonly number[];
  readonly #microBatch: number;
  readonly #tables = new Map<string, RotorTable>();
  readonly #schedules = new Map<string, readonly (readonly UnitAction[])[]>();

  /** `forwardMs[unit]` is the time of one forward run at `microBatch`, at which the table weighs bytes, too. */
  constructor(costs: UnitCostTable, forwardMs: readonly number[], microBatch: number) {
    this.#costs = costs;
    this.#forwardMs = forwardMs;
    this.#microBatch = microBatch;
  }

  /**
   * Placements to choose from, least memory first. `costs` are those of `frozen`. `spacing` leaves out those that need less than so much more memory
   * than the one before (0.1: a tenth); the cheapest in memory and the one that keeps everything are always there.
   */
  schedules(
    frozen: readonly boolean[],
    costs: readonly UnitCosts[] = this.#costs.costs(frozen),
    spacing: number = 0,
  ): readonly (readonly UnitAction[])[] {
    const firstUnit = costs.findIndex(({ hasBackward }) => hasBackward);
    const mode = modeOf(this.#costs.chain, frozen);
    const key = `${mode.join()} ${firstUnit} ${spacing}`;
    return remembered(this.#schedules, key, () => {
      const { chain } = this.#costs;
      // Nothing trains, or the last unit alone: there is nothing to place.
      if (firstUnit < 0 || firstUnit === chain.units.length - 1) return [unitSchedule(chain, { kind: "none" })];
      const table = this.#table(mode);
      return spaced(table.breakpoints(firstUnit), spacing).map((bytes) =>
        withFrozenPrefix(table.schedule(bytes, firstUnit)!, firstUnit),
      );
    });
  }

  #table(mode: readonly LayerClass[]): RotorTable {
    return remembered(this.#tables, mode.join(), () => {
      const frozen = this.#costs.chain.parameters.map(({ layerClass }) => !mode.includes(layerClass));
      const units = rotorUnits(this.#costs.costs(frozen), this.#forwardMs, this.#microBatch);
      return new RotorTable(units, units.length > LONG_CHAIN_UNITS ? LONG_CHAIN_SLOTS : DEFAULT_ROTOR_SLOTS);
    });
  }
}

/** The units of a chain as the dynamic programme sees them, at one micro-batch. `forwardMs[unit]` likewise. */
export function rotorUnits(
  costs: readonly UnitCosts[],
  forwardMs: readonly number[],
  microBatch: number,
): readonly RotorUnit[] {
  const at = (bytes: AffineBytes): number => bytesAt(bytes, microBatch);
  return costs.map((unit, index) => {
    const inputBytes = at(unit.inputBytes);
    const { keepingAll, keepingNothing, again, backward } = unit.peaks;
    const withoutInput = (bytes: number): number => Math.max(0, bytes - inputBytes);
    return {
      forwardMs: forwardMs[index]!,
      inputBytes,
      outputBytes: at(unit.outputBytes),
      savedBytes: at(unit.savedBytes) + at(unit.outputBytes),
      dropPeakBytes: withoutInput(peakAt(keepingNothing.held, microBatch)),
      keepPeakBytes: withoutInput(peakAt(keepingAll.held, microBatch)),
      againPeakBytes: withoutInput(peakAt(again.held, microBatch)),
      backwardPeakBytes: withoutInput(peakAt(backward.held, microBatch)),
      heldOutputBytes: unit.readsOutput && !unit.remakesOutput ? at(unit.outputBytes) : 0,
    };
  });
}

/** Layer classes of which something trains. */
function modeOf(chain: Chain, frozen: readonly boolean[]): readonly LayerClass[] {
  const training = new Set<LayerClass>();
  for (const { id, layerClass } of chain.parameters) if (!frozen[id]) training.add(layerClass);
  return LAYER_CLASSES.filter((layerClass) => training.has(layerClass));
}

/** A frozen prefix runs forward once; its backward actions do nothing, but a schedule has one for each unit. */
function withFrozenPrefix(actions: readonly UnitAction[], firstUnit: number): readonly UnitAction[] {
  const forward = Array.from({ length: firstUnit }, (_, unit): UnitAction => ({ kind: "forward", unit, keep: "all" }));
  const backward = Array.from(
    { length: firstUnit },
    (_, index): UnitAction => ({ kind: "backward", unit: firstUnit - 1 - index }),
  );
  return [...forward, ...actions, ...backward];
}

function spaced(bytes: readonly number[], spacing: number): readonly number[] {
  const kept: number[] = [];
  bytes.forEach((value, index) => {
    const previous = kept[kept.length - 1];
    const isLast = index === bytes.length - 1;
    if (previous === undefined || isLast || value >= previous * (1 + spacing)) kept.push(value);
  });
  return kept;
}
