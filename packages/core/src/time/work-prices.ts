import { type Chain, remembered } from "../facts/index.ts";
import type { UnitCosts, UnitWork, WalkedSchedule } from "../memory/index.ts";
import type { MsCurve } from "./ms-curve.ts";
import type { UnitTimes } from "./unit-times.ts";
import { amountOf, ratedMs, type WorkRates, withoutKernelGradients } from "./work-rates.ts";

/** Time of one unit in each way of running it. */
export type UnitMs = Readonly<Record<"forward" | "again" | "backward", MsCurve>>;

export interface PriceSources {
  /** Unit costs with nothing frozen. */
  readonly unfrozen: readonly UnitCosts[];
  readonly rates: WorkRates;
  /** One entry a unit; undefined where nothing was measured. */
  readonly times?: readonly (UnitTimes | undefined)[];
  /** Micro-batches at which times are known; between them they are straight. */
  readonly microBatches: readonly number[];
}

/**
 * Prices of pieces of work. Where a unit's time was measured, its operations share it in proportion to what the rates
 * say of them, so that a unit with nothing frozen takes what was measured, and a part of it takes its part.
 */
export class WorkPrices {
  readonly microBatches: readonly number[];
  readonly #chain: Chain;
  readonly #sources: PriceSources;
  readonly #cache = new WeakMap<UnitCosts, UnitMs>();
  /** Of all units of a model under one set of frozen parameters. */
  readonly #ofModel = new WeakMap<readonly UnitCosts[], readonly UnitMs[]>();

  constructor(chain: Chain, sources: PriceSources) {
    this.#chain = chain;
    this.#sources = sources;
    this.microBatches = sources.microBatches;
  }

  /** Time of one micro-batch under a schedule. */
  scheduleMs(costs: readonly UnitCosts[], walked: WalkedSchedule): MsCurve {
    const { microBatches } = this;
    const ms = microBatches.map(() => 0);
    const add = (times: number, curve: MsCurve): void => {
      for (let knot = 0; knot < ms.length && times > 0; knot++) ms[knot]! += times * curve.ms[knot]!;
    };
    this.#unitsMs(costs).forEach(({ forward, again, backward }, index) => {
      add(walked.forwards[index]!, forward);
      add(walked.agains[index]!, again);
      add(walked.backwards[index]!, backward);
    });
    return { microBatches, ms };
  }

  #unitsMs(costs: readonly UnitCosts[]): readonly UnitMs[] {
    return remembered(this.#ofModel, costs, () => costs.map((unit, index) => this.unitMs(unit, index)));
  }

  /** Time of one unit in each way of running it. */
  unitMs(costs: UnitCosts, unit: number): UnitMs {
    const { forward, again, backward } = costs.work;
    return remembered(this.#cache, costs, () => ({
      forward: this.#forward(forward, unit),
      again: this.#forward(again, unit),
      backward: this.#backward(backward, unit),
    }));
  }

  #forward(work: readonly UnitWork[], unit: number): MsCurve {
    const measured = this.#sources.times?.[unit]?.forward;
    return measured === undefined ? this.#rated(work) : this.#share(measured, work, this.#whole(unit).forward);
  }

  #backward(work: readonly UnitWork[], unit: number): MsCurve {
    const times = this.#sources.times?.[unit];
    if (times === undefined) return this.#rated(work);
    const whole = this.#whole(unit).backward;
    const { backward, normOnlyBackward } = times;
    if (normOnlyBackward === undefined) return this.#share(backward, work, whole);
    const rest = withoutKernelGradients(this.#chain, work);
    const wholeRest = withoutKernelGradients(this.#chain, whole);
    const restMs = this.#share(normOnlyBackward, rest, wholeRest);
    const [all, left] = [this.#rated(work), this.#rated(rest)];
    const [wholeAll, wholeLeft] = [this.#rated(whole), this.#rated(wholeRest)];
    // What kernels' gradients take is what it takes more where kernels train, too.
    const ms = this.microBatches.map((_, knot) => {
      const kernelMs = Math.max(0, backward.ms[knot]! - normOnlyBackward.ms[knot]!);
      const wholeKernel = wholeAll.ms[knot]! - wholeLeft.ms[knot]!;
      const share = wholeKernel > 0 ? (all.ms[knot]! - left.ms[knot]!) / wholeKernel : 0;
      return restMs.ms[knot]! + share * kernelMs;
    });
    return { microBatches: this.microBatches, ms };
  }

  #whole(unit: number): UnitCosts["work"] {
    return this.#sources.unfrozen[unit]!.work;
  }

  /** The part of a measured time that some of its work takes. */
  #share(measured: MsCurve, part: readonly UnitWork[], whole: readonly UnitWork[]): MsCurve {
    if (part === whole) return measured;
    const partMs = this.#rated(part).ms;
    const wholeMs = this.#rated(whole).ms;
    const ms = measured.ms.map((value, knot) => {
      const all = wholeMs[knot]!;
      return all > 0 ? (value * partMs[knot]!) / all : 0;
    });
    return { microBatches: this.microBatches, ms };
  }

  #rated(work: readonly UnitWork[]): MsCurve {
    const amount = amountOf(this.#chain, work);
    const { rates } = this.#sources;
    return { microBatches: this.microBatches, ms: this.microBatches.map((size) => ratedMs(amount, size, rates)) };
  }
}
