import {
  type Bounded,
  GROWTH_DEVIATION,
  GROWTH_SCATTER,
  PLAN_DEVIATION,
  POOL_SPARE,
  type Profile,
  resolveRetrainConfig,
  stepFacts,
} from "../facts/index.ts";
import {
  type CoefficientPrior,
  DEFAULT_MISS_RATE,
  dot,
  FORGETTING,
  leastSquares,
  studentQuantile,
} from "../numerics/index.ts";
import type { PlannedGrowth } from "./resident-memory.ts";
import type { UnitCostTable } from "./unit-costs.ts";

/** Measurements of the device that the scatter of other devices counts as much as. */
const PRIOR_MEASUREMENTS = 4;
/** Least share of what is expected that a bound leaves where nothing was measured. */
const UNMEASURED_SHARE = 0.25;

/** What of a plan's growth the law knows apart, bytes: the pool's part, a constant, the heap's, the kernels'. */
type Parts = readonly [pool: number, constant: 1, heap: number, kernels: number];
type Coefficients = readonly number[];

/** A step that was measured: `y` bytes, give or take `noise`. */
interface Point {
  readonly parts: Parts;
  readonly y: number;
  readonly noise: number;
}

/**
 * Memory that a process really takes, from what plans say: each part of the plan times a coefficient, and a constant. How
 * far off it may be is told by the device's own measurements, each held against the law of the others, and by what was
 * seen on other devices while those are few. Every measurement is of a process of its own, so what differs from run to
 * run is in their scatter.
 */
export class MemoryLaw {
  /** Steps whose memory was measured. */
  readonly measurements: number;
  readonly #measured: Coefficients;
  /** From the timeline's peak to the growth through the pool, and a constant. */
  readonly #pooled: Coefficients;
  /** In units of `GROWTH_SCATTER`. */
  readonly #deviation: number;

  constructor(profile: Pick<Profile, "steps" | "memoryFacts" | "effectiveBatch" | "others">, costs: UnitCostTable) {
    const { steps, memoryFacts, effectiveBatch } = profile;
    const points = steps.flatMap((step): readonly Point[] => {
      const { config, peakBytes: y } = step;
      if (y === undefined) return [];
      const planned = costs.planned(config, stepFacts(profile, step));
      return [{ parts: partsOf(planned), y, noise: scatterAt(planned.growthBytes) }];
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
    this.#pooled = leastSquares(
      planned.map(({ timelineBytes: x, growthBytes: y }) => ({ features: [x, 1], target: y, weight: 1 / x ** 2 })),
      [
        { mean: 1.05, strength: 0.01, least: 1 },
        { mean: 0, strength: 0, least: 0 },
      ],
    );
  }

  /** Growth of the process for a planned one; `stretch` widens the bound. */
  growth(planned: PlannedGrowth, stretch: number): Bounded {
    const expected = Math.max(0, dot(partsOf(planned), this.#measured));
    const deviations = studentQuantile(1 - DEFAULT_MISS_RATE, PRIOR_MEASUREMENTS + this.measurements) * this.#deviation;
    const margin =
      Math.max(POOL_SPARE.bytes, deviations * GROWTH_SCATTER.bytes) +
      Math.max(POOL_SPARE.share, deviations * GROWTH_SCATTER.share, this.measurements === 0 ? UNMEASURED_SHARE : 0) *
        expected;
    return { expected, upper: expected + stretch * margin };
  }

  /** About the same, from the timeline's peak alone: for many configs at once. */
  roughGrowth(timelineBytes: number, stretch: number): Bounded {
    const growthBytes = Math.max(timelineBytes, dot([timelineBytes, 1], this.#pooled));
    return this.growth({ growthBytes, heapBytes: 0, kernelBytes: 0 }, stretch);
  }
}

function partsOf({ growthBytes, heapBytes, kernelBytes }: PlannedGrowth): Parts {
  return [growthBytes - heapBytes - kernelBytes, 1, heapBytes, kernelBytes];
}

/** One deviation of a measurement, as on most devices. */
function scatterAt(plannedBytes: number): number {
  return GROWTH_SCATTER.bytes + GROWTH_SCATTER.share * plannedBytes;
}

/** How far a measurement is off, in deviations. */
function missOf({ parts, y, noise }: Point, law: Coefficients): number {
  return (y - dot(parts, law)) / noise;
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
function fitMeasured(points: readonly Point[]): Coefficients {
  const first = fitAround(points, 1);
  const squares = points.reduce((sum, point) => sum + missOf(point, first) ** 2, 0);
  return fitAround(points, Math.max(1, Math.sqrt(squares / Math.max(1, points.length - PRIORS.length))));
}

/** How sure plans are of each part. */
const PRIORS: readonly CoefficientPrior[] = [
  { mean: 1, strength: 1 / PLAN_DEVIATION.pool ** 2, least: 0.5 },
  { mean: 0, strength: 1 / PLAN_DEVIATION.bytes ** 2, least: Number.NEGATIVE_INFINITY },
  { mean: 1, strength: 1 / PLAN_DEVIATION.heap ** 2, least: 0 },
  { mean: 1, strength: 1 / PLAN_DEVIATION.kernels ** 2, least: 0 },
];

/** Later samples say more about the device as it is now. */
function fitAround(points: readonly Point[], deviation: number): Coefficients {
  const observations = points.map(({ parts, y, noise }, index) => ({
    features: parts,
    target: y,
    weight: FORGETTING ** (points.length - 1 - index) / (deviation * noise) ** 2,
  }));
  return leastSquares(observations, PRIORS);
}
