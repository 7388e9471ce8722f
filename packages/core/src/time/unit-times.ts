import type { UnitTimeSample } from "../facts/index.ts";
import { robustLeastSquares, typical } from "../numerics/index.ts";
import type { MsCurve } from "./ms-curve.ts";

/** Measured times of one unit at every micro-batch. */
export interface UnitTimes {
  /** With nothing frozen. */
  readonly forward: MsCurve;
  readonly backward: MsCurve;
  /** Of `backward`, what is left when only normalisation trains; undefined: not measured. */
  readonly normOnlyBackward: MsCurve | undefined;
}

/**
 * Times of one unit from its samples, at the given micro-batches; undefined when it has none. `expectedMs` says how time
 * grows with the micro-batch where that is all that is known.
 */
export function fitUnitTimes(
  samples: readonly UnitTimeSample[],
  microBatches: readonly number[],
  expectedMs: Readonly<Record<"forward" | "backward" | "normOnlyBackward", (microBatch: number) => number>>,
): UnitTimes | undefined {
  if (samples.length === 0) return undefined;
  const pointsOf = (way: "forward" | "backward" | "normOnlyBackward"): readonly Point[] =>
    samples
      .map((sample) => ({ microBatch: sample.microBatch, ms: typical(sample[`${way}Ms`] ?? []) }))
      .filter(({ ms }) => ms > 0);
  const normOnly = pointsOf("normOnlyBackward");
  return {
    forward: fitCurve(pointsOf("forward"), microBatches, expectedMs.forward),
    backward: fitCurve(pointsOf("backward"), microBatches, expectedMs.backward),
    normOnlyBackward: normOnly.length === 0 ? undefined : fitCurve(normOnly, microBatches, expectedMs.normOnlyBackward),
  };
}

/** Share of a point's distance from the line, in proportion, that is believed. */
const BEND = 0.5;

interface Point {
  readonly microBatch: number;
  readonly ms: number;
}

/**
 * A straight line through the points (a kernel costs a launch and then an amount per sample), plus half of each
 * point's deviation: caches and the choice of kernels bend the line, but so does a machine that is now fast, now slow.
 */
function fitCurve(
  points: readonly Point[],
  microBatches: readonly number[],
  expectedMs: (microBatch: number) => number,
): MsCurve {
  if (points.length === 0) return { microBatches, ms: microBatches.map(() => 0) };
  const line = lineThrough(points, expectedMs);
  const ratios = points
    .map(({ microBatch, ms }) => ({ at: Math.log2(microBatch), ratio: (ms / line(microBatch)) ** BEND }))
    .sort((left, right) => left.at - right.at);
  return {
    microBatches,
    ms: microBatches.map((microBatch) => line(microBatch) * ratioAt(ratios, Math.log2(microBatch))),
  };
}

function lineThrough(
  points: readonly Point[],
  expectedMs: (microBatch: number) => number,
): (microBatch: number) => number {
  const shape = (): ((microBatch: number) => number) => {
    const ratio = typical(points.map(({ microBatch, ms }) => ms / Math.max(Number.MIN_VALUE, expectedMs(microBatch))));
    return (microBatch) => ratio * expectedMs(microBatch);
  };
  if (new Set(points.map(({ microBatch }) => microBatch)).size === 1) return shape();
  const free = { mean: 0, strength: 0, least: 0 };
  const observations = points.map(({ microBatch, ms }) => ({
    features: [1, microBatch],
    target: ms,
    weight: 1 / ms ** 2,
  }));
  const [fixedMs, perSampleMs] = robustLeastSquares(observations, [free, free]) as [number, number];
  return (microBatch) => fixedMs + perSampleMs * microBatch;
}

/** Between two points in proportion, beyond the last that of the last. Several at one place count as their mean. */
function ratioAt(ratios: readonly { readonly at: number; readonly ratio: number }[], at: number): number {
  const below = ratios.findLast((point) => point.at <= at);
  const above = ratios.find((point) => point.at >= at);
  if (below === undefined || above === undefined || below.at === above.at) {
    const nearest = (below ?? above)?.at;
    const same = ratios.filter((point) => point.at === nearest);
    return same.reduce((sum, { ratio }) => sum + ratio, 0) / same.length;
  }
  return below.ratio + ((at - below.at) / (above.at - below.at)) * (above.ratio - below.ratio);
}
