import { RotorPlacement } from "./rotor-placement.ts";
import type { UnitCostTable } from "./unit-costs.ts";

/** A placement made with some device's times. */
interface Kept {
  readonly placement: RotorPlacement;
  readonly microBatch: number;
  /** Of the whole forward pass, what each unit takes. */
  readonly shares: readonly number[];
}

/** By the chain's costs, which all its devices share. */
const KEPT = new WeakMap<UnitCostTable, Kept[]>();
/** Kinds of devices of one model whose placements are kept. */
const MOST_KEPT = 8;
/** Units' shares of the time may differ by this factor: about what two probes of one device differ by. */
const ALIKE = 1.25;

/**
 * Placements for a device whose units take these times. Tables of one kind of device serve all that are alike: which
 * checkpoints are best depends on the units' shares of the time alone, and what a placement costs on the very device is
 * predicted from its own times anyway.
 */
export function placementFor(costs: UnitCostTable, forwardMs: readonly number[], microBatch: number): RotorPlacement {
  const total = forwardMs.reduce((sum, ms) => sum + ms, 0);
  const shares = forwardMs.map((ms) => ms / total);
  const kept = KEPT.get(costs) ?? [];
  const known = kept.find((one) => one.microBatch === microBatch && isAlike(one.shares, shares));
  if (known !== undefined) return known.placement;
  const placement = new RotorPlacement(costs, forwardMs, microBatch);
  KEPT.set(costs, [{ placement, microBatch, shares }, ...kept].slice(0, MOST_KEPT));
  return placement;
}

function isAlike(left: readonly number[], right: readonly number[]): boolean {
  return left.every((share, unit) => {
    const other = right[unit]!;
    return share <= other * ALIKE && other <= share * ALIKE;
  });
}
