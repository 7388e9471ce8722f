import {
  GROWTH_DEVIATION,
  GROWTH_SCATTER,
  PLAN_DEVIATION,
  POOL_SPARE,
  type Profile,
  resolveRetrainConfig,
} from "../facts/index.ts";
import {
  type Bounded,
  type CoefficientPrior,
  DEFAULT_MISS_RATE,
  FORGETTING,
  leastSquares,
  type Observation,
  studentQuantile,
} from "../numerics/index.ts";
import type { UnitCostTable } from "./unit-costs.ts";

/** Measurements of the device that the scatter of other devices counts as much as. */
const PRIOR_MEASUREMENTS = 4;
/** Least share of what is expected that a bound leaves where nothing was measured. */
const UNMEASURED_SHARE = 0.25;

/** `y` is about `scale * x + offsetBytes`. */
interface Line {
  readonly scale: number;
  readonly offsetBytes: number;
}

/** `y` bytes where the line has `x`, give or take `noise`. */
interface Point {
  readonly x: number;
  readonly y: number;
  readonly noise: number;
}

/**
 * Memory that a process really takes, from what plans say: about `scale * planned + offset`. How far off it may be is told
 * by the device's own measurements, each held against the law of the others, and by what was seen on other devices while
 * those are few. Every measurement is of a process of its own, so what differs from run to run is in their scatter.
 */
export class MemoryLaw {
  /** Steps whose memory was measured. */
  readonly measurements: number;
  readonly #measured: Line;
  /** From the timeline's peak to the growth through the pool. */
  readonly #pooled: Line;
  /** In units of `GROWTH_SCATTER`. */
  readonly #deviation: number;

  constructor(
    { steps, memoryFacts, effectiveBatch }: Pick<Profile, "steps" | "memoryFacts" | "effectiveBatch">,
    costs: UnitCostTable,
  ) {
    const points = steps.flatMap(({ config, peakBytes: y }): readonly Point[] => {
      const x = costs.planned(config, memoryFacts).growthBytes;
      return y === undefined ? [] : [{ x, y, noise: scatterAt(x) }];
    });
    this.measurements = points.length;
    this.#measured = fitMeasured(points);
    const misses = points.map((point, index) =>
      missOf(point, fitMeasured(points.filter((_, other) => other !== index))),
    );
    this.#deviation = deviationOf(misses, GROWTH_DEVIATION);
    const samples = [1, effectiveBatch].map((microBatch) =>
      resolveRetrainConfig({ microBatch, accumulation: Math.max(1, Math.round(effectiveBatch / microBatch)) }),
    );
    const planned = [...steps.map(({ config }) => config), ...samples].map((config) =>
      costs.planned(config, memoryFacts),
    );
    this.#pooled = lineOf(
      planned.map(({ timelineBytes: x, growthBytes: y }) => ({ features: [x, 1], target: y, weight: 1 / x ** 2 })),
      [
        { mean: 1.05, strength: 0.01, least: 1 },
        { mean: 0, strength: 0, least: 0 },
      ],
    );
  }

  /** Growth of the process for a planned growth (`residentGrowth`); `stretch` widens the bound. */
  growth(plannedBytes: number, stretch: number): Bounded {
    const expected = Math.max(0, at(this.#measured, plannedBytes));
    const deviations = studentQuantile(1 - DEFAULT_MISS_RATE, PRIOR_MEASUREMENTS + this.measurements) * this.#deviation;
    const margin =
      Math.max(POOL_SPARE.bytes, deviations * GROWTH_SCATTER.bytes) +
      Math.max(POOL_SPARE.share, deviations * GROWTH_SCATTER.share, this.measurements === 0 ? UNMEASURED_SHARE : 0) *
        expected;
    return { expected, upper: expected + stretch * margin };
  }

  /** About what `residentGrowth` says, from the timeline's peak alone: for many configs at once. */
  roughGrowth(timelineBytes: number): number {
    return Math.max(timelineBytes, at(this.#pooled, timelineBytes));
  }
}

function at({ scale, offsetBytes }: Line, x: number): number {
  return scale * x + offsetBytes;
}

/** One deviation of a measurement, as on most devices. */
function scatterAt(plannedBytes: number): number {
  return GROWTH_SCATTER.bytes + GROWTH_SCATTER.share * plannedBytes;
}

/** How far a measurement is off, in deviations. */
function missOf({ x, y, noise }: Point, line: Line): number {
  return (y - at(line, x)) / noise;
}

/** Scatter of the device's misses, leaning to that of other devices (`usual`) while there are few. */
function deviationOf(misses: readonly number[], usual: number): number {
  const squares = misses.reduce((sum, miss) => sum + miss ** 2, PRIOR_MEASUREMENTS * usual ** 2);
  return Math.sqrt(squares / (PRIOR_MEASUREMENTS + misses.length));
}

/**
 * The law of measured memory. How noisy measurements are is told by their own scatter about it: where they agree, a few
 * settle it; where they do not, a single one does not move every prediction.
 */
function fitMeasured(points: readonly Point[]): Line {
  const first = fitAround(points, 1);
  const squares = points.reduce((sum, point) => sum + missOf(point, first) ** 2, 0);
  return fitAround(points, Math.max(1, Math.sqrt(squares / Math.max(1, points.length - COEFFICIENTS))));
}

const COEFFICIENTS = 2;

/** Later samples say more about the device as it is now. */
function fitAround(points: readonly Point[], deviation: number): Line {
  const observations = points.map(({ x, y, noise }, index) => ({
    features: [x, 1],
    target: y,
    weight: FORGETTING ** (points.length - 1 - index) / (deviation * noise) ** 2,
  }));
  return lineOf(observations, [
    { mean: 1, strength: 1 / PLAN_DEVIATION.scale ** 2, least: 0.5 },
    { mean: 0, strength: 1 / PLAN_DEVIATION.bytes ** 2, least: Number.NEGATIVE_INFINITY },
  ]);
}

function lineOf(observations: readonly Observation[], priors: readonly CoefficientPrior[]): Line {
  const [scale = 1, offsetBytes = 0] = leastSquares(observations, priors);
  return { scale, offsetBytes };
}
