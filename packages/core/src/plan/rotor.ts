import { MpoError, type UnitAction } from "../facts/index.ts";

/**
 * One unit of a chain as the checkpoint placement sees it. Bytes are for one choice of micro-batch, or for one sample:
 * any unit of measure will do, as long as the budget is in the same. All peaks leave the unit's input out.
 */
export interface RotorUnit {
  /** Time of one forward run, any unit of measure. Backward runs once whatever is chosen, so its time plays no part. */
  readonly forwardMs: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** All that stays after a run that keeps all: the output, and whatever else the backward pass reads. */
  readonly savedBytes: number;
  /** Peak of a run that keeps nothing, output included. */
  readonly dropPeakBytes: number;
  /** Peak of a run that keeps all, output included. */
  readonly keepPeakBytes: number;
  /** Peak of the same run at the end of a recomputed segment (its output may still be there), gradient excluded. */
  readonly againPeakBytes: number;
  /** Peak of the backward pass, with saved tensors and gradients. */
  readonly backwardPeakBytes: number;
  /** What stays of its output while units before it are recomputed (its backward pass reads the output), else 0. */
  readonly heldOutputBytes: number;
}

/** Resolution of the memory axis. All sizes are rounded up to whole slots, so a schedule never needs more than said. */
export const DEFAULT_ROTOR_SLOTS = 500;

const INFEASIBLE = 0;
const SAVE_ALL = 255;
const MAX_UNITS = 250;

/**
 * Optimal checkpoint placement for a chain of unequal units: the persistent schedules of Beaumont et al. 2019
 * (hal-02352969), by dynamic programming over (first unit, last unit, memory slots). One table answers every memory
 * size, and every start (`firstUnit`): a frozen prefix is simply left out. Built in O(units^3 * slots).
 */
export class RotorTable {
  readonly slotBytes: number;
  readonly slots: number;
  readonly #units: readonly RotorUnit[];
  /** Forward time and choice of units `first` to `last` in a number of slots, at `#at(first, last) + slots`. */
  readonly #cost: Float64Array;
  readonly #choice: Uint8Array;
  readonly #inputSlots: Int32Array;
  readonly #savedSlots: Int32Array;

  /** Throws `unsupported` for chains of more than 250 units. */
  constructor(units: readonly RotorUnit[], slots: number = DEFAULT_ROTOR_SLOTS) {
    if (units.length > MAX_UNITS) {
      throw new MpoError(
        "unsupported",
        `a chain of ${units.length} units; checkpoints are placed for up to ${MAX_UNITS}`,
      );
    }
    this.#units = units;
    this.slots = slots;
    this.slotBytes = Math.max(1e-9, storeAllBytes(units)) / Math.max(1, slots - units.length - 4);
    const inSlots = (bytes: number): number => Math.ceil(bytes / this.slotBytes - 1e-9);
    this.#inputSlots = Int32Array.from(units, ({ inputBytes }) => inSlots(inputBytes));
    this.#savedSlots = Int32Array.from(units, ({ savedBytes }) => inSlots(savedBytes));
    const size = ((units.length * (units.length + 1)) / 2) * (slots + 1);
    this.#cost = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
    this.#choice = new Uint8Array(size);
    for (let last = 0; last < units.length; last++) {
      for (let first = last; first >= 0; first--) this.#solve(first, last, inSlots);
    }
  }

  /**
   * The schedule of the units from `firstUnit` on that takes the least forward time, recomputes included, within a budget,
   * which leaves out the input of `firstUnit`; undefined when none fits.
   */
  schedule(budgetBytes: number, firstUnit: number = 0): readonly UnitAction[] | undefined {
    const slots = Math.max(0, Math.min(this.slots, Math.floor(budgetBytes / this.slotBytes + 1e-9)));
    const last = this.#units.length - 1;
    if (this.#cost[this.#at(firstUnit, last) + slots] === Number.POSITIVE_INFINITY) return undefined;
    const actions: UnitAction[] = [];
    this.#emit(firstUnit, last, slots, actions);
    return actions;
  }

  /** Budgets in bytes at which the best schedule from `firstUnit` on changes, smallest first. */
  breakpoints(firstUnit: number = 0): readonly number[] {
    const row = this.#at(firstUnit, this.#units.length - 1);
    const costs = this.#cost.subarray(row, row + this.slots + 1);
    const found: number[] = [];
    let previous = Number.POSITIVE_INFINITY;
    costs.forEach((cost, slots) => {
      if (cost < previous * (1 - 1e-12) || (previous === Number.POSITIVE_INFINITY && cost < previous)) {
        found.push(slots * this.slotBytes);
        previous = cost;
      }
    });
    return found;
  }

  /** Where the row of units `first` to `last` starts. */
  #at(first: number, last: number): number {
    return ((last * (last + 1)) / 2 + first) * (this.slots + 1);
  }

  #solve(first: number, last: number, inSlots: (bytes: number) => number): void {
    const units = this.#units;
    const cost = this.#cost;
    const choice = this.#choice;
    const own = this.#at(first, last);
    const isWhole = last === units.length - 1;
    const lastUnit = units[last]!;
    const firstUnit = units[first]!;
    // The gradient that waits at the right end, and what is still there of the value that it belongs to.
    const waiting = isWhole ? 0 : lastUnit.outputBytes + lastUnit.heldOutputBytes;
    const backwardSlots = inSlots(firstUnit.backwardPeakBytes);
    if (first === last) {
      const gradient = isWhole ? 0 : lastUnit.outputBytes;
      const keep = isWhole ? firstUnit.keepPeakBytes : firstUnit.againPeakBytes;
      const least = Math.max(inSlots(keep + gradient), backwardSlots);
      for (let slots = least; slots <= this.slots; slots++) {
        cost[own + slots] = firstUnit.forwardMs;
        choice[own + slots] = SAVE_ALL;
      }
      return;
    }
    const most = this.slots;
    const saved = this.#savedSlots[first]!;
    const rest = this.#at(first + 1, last) - saved;
    const keepSlots = Math.max(inSlots(firstUnit.keepPeakBytes + waiting), backwardSlots, saved);
    for (let slots = keepSlots; slots <= most; slots++) {
      const total = firstUnit.forwardMs + cost[rest + slots]!;
      if (total < cost[own + slots]!) {
        cost[own + slots] = total;
        choice[own + slots] = SAVE_ALL;
      }
    }
    // Where everything can be kept, nothing is better: placements are tried below that only.
    let everything = firstUnit.forwardMs;
    for (let unit = first + 1; unit <= last; unit++) everything += units[unit]!.forwardMs;
    let enough = most + 1;
    while (enough > keepSlots && cost[own + enough - 1]! <= everything * (1 + 1e-12)) enough -= 1;
    let sweepMs = 0;
    let sweepSlots = 0;
    for (let next = first + 1; next <= last; next++) {
      const passed = units[next - 1]!;
      sweepMs += passed.forwardMs;
      const carried = next - 1 === first ? 0 : passed.inputBytes;
      sweepSlots = Math.max(sweepSlots, inSlots(passed.dropPeakBytes + carried + waiting));
      const kept = this.#inputSlots[next]!;
      const right = this.#at(next, last) - kept;
      const left = this.#at(first, next - 1);
      for (let slots = Math.max(sweepSlots, kept); slots < enough; slots++) {
        const total = sweepMs + cost[right + slots]! + cost[left + slots]!;
        if (total < cost[own + slots]!) {
          cost[own + slots] = total;
          choice[own + slots] = next - first;
        }
      }
    }
  }

  #emit(first: number, last: number, slots: number, actions: UnitAction[]): void {
    const choice = this.#choice[this.#at(first, last) + slots] ?? INFEASIBLE;
    if (choice === INFEASIBLE) throw new MpoError("internal", `no schedule of units ${first} to ${last}`);
    if (choice === SAVE_ALL) {
      actions.push({ kind: "forward", unit: first, keep: "all" });
      if (first < last) this.#emit(first + 1, last, slots - this.#savedSlots[first]!, actions);
      actions.push({ kind: "backward", unit: first });
      return;
    }
    const next = first + choice;
    for (let unit = first; unit < next; unit++) {
      actions.push({ kind: "forward", unit, keep: unit === first ? "input" : "nothing" });
    }
    this.#emit(next, last, slots - this.#inputSlots[next]!, actions);
    this.#emit(first, next - 1, slots, actions);
  }
}

/** Memory that is enough to keep everything: more than this buys nothing. */
function storeAllBytes(units: readonly RotorUnit[]): number {
  let held = 0;
  let peak = 0;
  for (const unit of units) {
    peak = Math.max(peak, held + Math.max(unit.keepPeakBytes, unit.backwardPeakBytes, unit.againPeakBytes));
    held += unit.savedBytes;
  }
  return Math.max(peak, held);
}
