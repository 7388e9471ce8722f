import { type AffineBytes, addBytes, bytesAt, NO_BYTES } from "./affine-bytes.ts";
import type { Chain, ChainOp, ChainValue } from "./chain.ts";
import { dot, type Observation, robustLeastSquares } from "./least-squares.ts";
import type { UnitCosts, UnitWork } from "./plan-unit.ts";
import type { UnitTimeSample } from "./profile.ts";
import { typical } from "./robust-statistics.ts";
import type { WalkedSchedule } from "./unit-walk.ts";

/** A time that grows with the micro-batch: `fixedMs + perSampleMs * b`. */
export interface AffineMs {
  readonly fixedMs: number;
  readonly perSampleMs: number;
}

/** What any work costs where nothing was measured of its unit: launching, computing, moving bytes. */
export interface WorkRates {
  readonly launchMs: number;
  readonly msPerFlop: number;
  readonly msPerByte: number;
}

/** A slow core: where a fit starts from, so that it is defined with any number of measurements. */
export const DEFAULT_RATES: WorkRates = { launchMs: 0.02, msPerFlop: 1 / 2e7, msPerByte: 1 / 3e6 };

/** Direction in which a unit runs; times are measured for each. */
type Direction = "forward" | "backward";

/** Forward and backward time of each unit, measured with nothing frozen; undefined where nothing was measured. */
export type UnitTimes = readonly (Readonly<Record<Direction, AffineMs>> | undefined)[];

/**
 * Prices of pieces of work. Where a unit's time was measured, its operations share it in proportion to what the rates
 * say of them, so that a unit of which nothing is frozen takes what was measured, and a part of it takes its part.
 */
export class WorkPrices {
  readonly #chain: Chain;
  readonly #rates: WorkRates;
  readonly #times: UnitTimes;
  readonly #unfrozen: readonly UnitCosts[];
  readonly #microBatch: number;
  readonly #cache = new WeakMap<UnitCosts, Readonly<Record<"forward" | "again" | "backward", AffineMs>>>();

  /** `unfrozen` are the unit costs with nothing frozen; shares are taken at `microBatch`. */
  constructor(
    chain: Chain,
    unfrozen: readonly UnitCosts[],
    rates: WorkRates,
    times: UnitTimes = [],
    microBatch: number = 16,
  ) {
    this.#chain = chain;
    this.#rates = rates;
    this.#times = times;
    this.#unfrozen = unfrozen;
    this.#microBatch = microBatch;
  }

  /** Time of one micro-batch under a schedule. */
  scheduleMs(costs: readonly UnitCosts[], walked: WalkedSchedule): AffineMs {
    let fixedMs = 0;
    let perSampleMs = 0;
    const add = (times: number, { fixedMs: fixed, perSampleMs: perSample }: AffineMs): void => {
      fixedMs += times * fixed;
      perSampleMs += times * perSample;
    };
    costs.forEach((unit, index) => {
      const { forward, again, backward } = this.unitMs(unit, index);
      add(walked.forwards[index] as number, forward);
      add(walked.agains[index] as number, again);
      add(walked.backwards[index] as number, backward);
    });
    return { fixedMs, perSampleMs };
  }

  /** Time of one unit in each way of running it. */
  unitMs(costs: UnitCosts, unit: number): Readonly<Record<"forward" | "again" | "backward", AffineMs>> {
    const known = this.#cache.get(costs);
    if (known !== undefined) return known;
    const { forward, again, backward } = costs.work;
    const priced = {
      forward: this.#price(forward, unit, "forward"),
      again: this.#price(again, unit, "forward"),
      backward: this.#price(backward, unit, "backward"),
    };
    this.#cache.set(costs, priced);
    return priced;
  }

  #price(work: readonly UnitWork[], unit: number, direction: Direction): AffineMs {
    const byRates = ratedMs(this.#chain, work, this.#rates);
    const measured = this.#times[unit]?.[direction];
    if (measured === undefined) return byRates;
    const whole = ratedMs(this.#chain, (this.#unfrozen[unit] as UnitCosts).work[direction], this.#rates);
    const at = ({ fixedMs, perSampleMs }: AffineMs): number => fixedMs + perSampleMs * this.#microBatch;
    const share = at(whole) > 0 ? at(byRates) / at(whole) : 0;
    return { fixedMs: measured.fixedMs * share, perSampleMs: measured.perSampleMs * share };
  }
}

/** Launches, floating point operations and bytes moved by some work, for each micro-batch and for each sample. */
export interface WorkAmount {
  readonly launches: number;
  readonly flopsPerSample: number;
  readonly bytes: AffineBytes;
}

export function amountOf(chain: Chain, work: readonly UnitWork[]): WorkAmount {
  let launches = 0;
  let flopsPerSample = 0;
  let bytes = NO_BYTES;
  for (const entry of work) {
    if (entry.kind === "addGradients") {
      launches += 1;
      bytes = addBytes(bytes, scaled(entry.bytes, 3));
      continue;
    }
    const op = chain.ops[entry.op] as ChainOp;
    if (op.isAlias) continue;
    launches += 1;
    const inputs = op.inputs.reduce((sum, value) => addBytes(sum, valueBytes(chain, value)), NO_BYTES);
    const output = valueBytes(chain, op.output);
    if (entry.kind === "forward") {
      flopsPerSample += op.forward.flopsPerSample;
      bytes = addBytes(bytes, addBytes(inputs, output));
      continue;
    }
    const gradients = (entry.reachesInput ? 1 : 0) + (entry.trains ? 1 : 0);
    flopsPerSample += op.forward.flopsPerSample * gradients;
    bytes = addBytes(bytes, addBytes(output, scaled(inputs, gradients)));
  }
  return { launches, flopsPerSample, bytes };
}

export function ratedMs(chain: Chain, work: readonly UnitWork[], rates: WorkRates): AffineMs {
  const { launches, flopsPerSample, bytes } = amountOf(chain, work);
  return {
    fixedMs: launches * rates.launchMs + bytes.fixed * rates.msPerByte,
    perSampleMs: flopsPerSample * rates.msPerFlop + bytes.perSample * rates.msPerByte,
  };
}

/** Rates from measured times of work: robust, never negative, leaning to the default where measurements say nothing. */
export function fitRates(
  measured: readonly { readonly amount: WorkAmount; readonly microBatch: number; readonly ms: number }[],
): WorkRates {
  const observations = measured
    .filter(({ ms }) => ms > 0)
    .map(
      ({ amount, microBatch, ms }): Observation => ({
        features: [
          amount.launches * DEFAULT_RATES.launchMs,
          amount.flopsPerSample * microBatch * DEFAULT_RATES.msPerFlop,
          bytesAt(amount.bytes, microBatch) * DEFAULT_RATES.msPerByte,
        ],
        target: ms,
        weight: 1 / ms ** 2,
      }),
    );
  const lean = { mean: 1, strength: 1e-6, least: 0 };
  const [launch, flop, byte] = robustLeastSquares(observations, [lean, lean, lean]) as [number, number, number];
  return {
    launchMs: launch * DEFAULT_RATES.launchMs,
    msPerFlop: flop * DEFAULT_RATES.msPerFlop,
    msPerByte: byte * DEFAULT_RATES.msPerByte,
  };
}

/** `fixedMs + perSampleMs * b` of each measured unit and direction, from the typical time at each micro-batch. */
export function fitUnitTimes(
  chain: Chain,
  unfrozen: readonly UnitCosts[],
  samples: readonly UnitTimeSample[],
  rates: WorkRates,
): UnitTimes {
  return chain.units.map((_, unit) => {
    const own = samples.filter((sample) => sample.unit === unit);
    if (own.length === 0) return undefined;
    const fit = (direction: Direction): AffineMs => {
      const points = own.map(({ microBatch, forwardMs, backwardMs }) => ({
        microBatch,
        ms: typical(direction === "forward" ? forwardMs : backwardMs),
      }));
      return fitAffine(points, ratedMs(chain, (unfrozen[unit] as UnitCosts).work[direction], rates));
    };
    return { forward: fit("forward"), backward: fit("backward") };
  });
}

/** With one micro-batch measured, the shape is what the rates say and only the size is fitted. */
function fitAffine(points: readonly { readonly microBatch: number; readonly ms: number }[], shape: AffineMs): AffineMs {
  const positive = points.filter(({ ms }) => ms > 0);
  if (positive.length === 0) return { fixedMs: 0, perSampleMs: 0 };
  const microBatches = new Set(positive.map(({ microBatch }) => microBatch));
  if (microBatches.size === 1) {
    const ratios = positive.map(({ microBatch, ms }) => ms / (shape.fixedMs + shape.perSampleMs * microBatch));
    const ratio = typical(ratios);
    return { fixedMs: shape.fixedMs * ratio, perSampleMs: shape.perSampleMs * ratio };
  }
  const observations = positive.map(({ microBatch, ms }) => ({
    features: [1, microBatch],
    target: ms,
    weight: 1 / ms ** 2,
  }));
  const free = { mean: 0, strength: 0, least: 0 };
  const [fixedMs, perSampleMs] = robustLeastSquares(observations, [free, free]) as [number, number];
  return { fixedMs, perSampleMs };
}

/** Sum over an affine time's features at one micro-batch. */
export function msAt({ fixedMs, perSampleMs }: AffineMs, microBatch: number): number {
  return dot([1, microBatch], [fixedMs, perSampleMs]);
}

function valueBytes(chain: Chain, value: number): AffineBytes {
  return (chain.values[value] as ChainValue).bytes;
}

function scaled({ fixed, perSample }: AffineBytes, factor: number): AffineBytes {
  return { fixed: fixed * factor, perSample: perSample * factor };
}
