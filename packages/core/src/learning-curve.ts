import { dot, leastSquares, type Observation } from "./least-squares.ts";

/** One look at a training: accuracy gained over the start after so many steps. */
export interface GainObservation {
  readonly steps: number;
  /** Accuracy now minus accuracy before the first step, -1 to 1. */
  readonly gain: number;
  /** Standard deviation of `gain` by chance. */
  readonly deviation: number;
}

export interface GainPrediction {
  readonly gain: number;
  /** Standard deviation of the prediction. */
  readonly deviation: number;
}

/** Steps at which a curve is tabulated: 0 and half octaves from 1 to a million. */
const STEP_GRID: readonly number[] = [0, ...Array.from({ length: 41 }, (_, index) => 2 ** (index / 2))];

/**
 * Accuracy gained along a training, with its uncertainty. The form can rise and saturate, fall from the start, and peak
 * and fall (adaptation without labels collapses when it runs longer; `reference` tent#7):
 * `gain(s) = rise * (1 - exp(-s / tau)) - fall * (s / sigma)^2 / (1 + (s / sigma)^2)`.
 * All forms of a coarse grid over `tau` and `sigma` count by how well they explain what was seen (their fits of `rise`
 * and `fall` are exact), so that few observations give a wide prediction and not a sure wrong one.
 */
export class LearningCurve {
  readonly #gains: readonly number[];
  readonly #deviations: readonly number[];
  /** `#bestPoint[i]`: where the gain is best among the points up to i. */
  readonly #bestPoint: readonly number[];

  /** Tabulated gains and deviations at `STEP_GRID`; use `fitLearningCurve`. */
  constructor(gains: readonly number[], deviations: readonly number[]) {
    this.#gains = gains;
    this.#deviations = deviations;
    let best = 0;
    this.#bestPoint = gains.map((gain, point) => {
      if (gain > (gains[best] as number)) best = point;
      return best;
    });
  }

  /** Gain after exactly so many steps. */
  at(steps: number): GainPrediction {
    return { gain: interpolated(this.#gains, steps), deviation: interpolated(this.#deviations, steps) };
  }

  /** Best gain within so many steps, and when: training stops there (early stop). Never less than stopping at once. */
  bestWithin(steps: number): GainPrediction & { readonly steps: number } {
    const point = this.#bestPoint[Math.floor(gridPosition(steps))] as number;
    const { gain, deviation } = this.at(steps);
    if (gain > (this.#gains[point] as number)) return { steps, gain, deviation };
    return {
      steps: STEP_GRID[point] as number,
      gain: this.#gains[point] as number,
      deviation: this.#deviations[point] as number,
    };
  }

  /** Steps after which the gain is first reached, to half an octave; `Infinity` when it never is. */
  stepsToReach(gain: number): number {
    const point = this.#gains.findIndex((value) => value >= gain);
    return point === -1 ? Number.POSITIVE_INFINITY : (STEP_GRID[point] as number);
  }

  /** Mean of several curves; `weights` sum to 1. Disagreement between them adds to the deviation. */
  static mix(curves: readonly LearningCurve[], weights: readonly number[]): LearningCurve {
    const gains = STEP_GRID.map((_, point) =>
      curves.reduce((sum, curve, index) => sum + (weights[index] as number) * (curve.#gains[point] as number), 0),
    );
    const deviations = STEP_GRID.map((_, point) => {
      const variance = curves.reduce((sum, curve, index) => {
        const apart = (curve.#gains[point] as number) - (gains[point] as number);
        return sum + (weights[index] as number) * ((curve.#deviations[point] as number) ** 2 + apart ** 2);
      }, 0);
      return Math.sqrt(variance);
    });
    return new LearningCurve(gains, deviations);
  }

  /** The same curve, less sure by `deviation`. */
  widened(deviation: number): LearningCurve {
    return new LearningCurve(
      this.#gains,
      this.#deviations.map((own, point) => (point === 0 ? own : Math.hypot(own, deviation))),
    );
  }
}

const TAUS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096];
const SIGMAS: readonly number[] = [4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384];

/** What is believed of any curve before it is seen: gains of some tenths at most, and falls are rarer than rises. */
const RISE_DEVIATION = 0.3;
const FALL_DEVIATION = 0.15;

/**
 * Fits a curve to observations. Prior knowledge comes as further observations with a larger deviation. Without any, the
 * curve expects nothing and is unsure.
 */
export function fitLearningCurve(observations: readonly GainObservation[]): LearningCurve {
  const hypotheses = TAUS.flatMap((tau) => SIGMAS.map((sigma) => hypothesis(observations, tau, sigma)));
  const best = Math.min(...hypotheses.map(({ misfit }) => misfit));
  const weights = hypotheses.map(({ misfit }) => Math.exp(-(misfit - best) / 2));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const curves = hypotheses.map(
    ({ tau, sigma, rise, fall, riseVariance, fallVariance }) =>
      new LearningCurve(
        STEP_GRID.map((steps) => rise * risen(steps, tau) - fall * fallen(steps, sigma)),
        STEP_GRID.map((steps) =>
          Math.sqrt(riseVariance * risen(steps, tau) ** 2 + fallVariance * fallen(steps, sigma) ** 2),
        ),
      ),
  );
  return LearningCurve.mix(
    curves,
    weights.map((weight) => weight / total),
  );
}

/** Judgements further off than this many deviations count less, by how far. */
const WILD_DEVIATIONS = 3;
const REWEIGHTINGS = 4;

interface Hypothesis {
  readonly tau: number;
  readonly sigma: number;
  readonly rise: number;
  readonly fall: number;
  readonly riseVariance: number;
  readonly fallVariance: number;
  /** -2 log posterior, up to a constant. */
  readonly misfit: number;
}

function hypothesis(observations: readonly GainObservation[], tau: number, sigma: number): Hypothesis {
  const points = observations.map(
    ({ steps, gain, deviation }): Required<Observation> => ({
      features: [risen(steps, tau), -fallen(steps, sigma)],
      target: gain,
      weight: 1 / deviation ** 2,
    }),
  );
  const priors = [
    { mean: 0, strength: 1 / RISE_DEVIATION ** 2, least: -1 },
    { mean: 0, strength: 1 / FALL_DEVIATION ** 2, least: 0 },
  ];
  let [rise, fall] = leastSquares(points, priors) as [number, number];
  for (let round = 0; round < REWEIGHTINGS; round++) {
    const reweighted = points.map((point) => {
      const distance = Math.abs(point.target - dot(point.features, [rise, fall])) * Math.sqrt(point.weight);
      return { ...point, weight: point.weight / Math.max(1, distance / WILD_DEVIATIONS) ** 2 };
    });
    [rise, fall] = leastSquares(reweighted, priors) as [number, number];
  }
  let riseStrength = 1 / RISE_DEVIATION ** 2;
  let fallStrength = 1 / FALL_DEVIATION ** 2;
  let misfit = (rise / RISE_DEVIATION) ** 2 + (fall / FALL_DEVIATION) ** 2;
  for (const { features, target, weight } of points) {
    const [up, down] = features as readonly [number, number];
    // Student's t with few degrees of freedom: one wild judgement does not outvote the rest.
    const squared = (target - rise * up - fall * down) ** 2 * weight;
    misfit += 5 * Math.log1p(squared / 4);
    riseStrength += weight * up ** 2;
    fallStrength += weight * down ** 2;
  }
  return { tau, sigma, rise, fall, riseVariance: 1 / riseStrength, fallVariance: 1 / fallStrength, misfit };
}

function risen(steps: number, tau: number): number {
  return 1 - Math.exp(-steps / tau);
}

function fallen(steps: number, sigma: number): number {
  const ratio = (steps / sigma) ** 2;
  return ratio / (1 + ratio);
}

/** Place of a step count in the grid, between its points too. */
function gridPosition(steps: number): number {
  if (!(steps > 1)) return Math.max(0, steps);
  return Math.min(STEP_GRID.length - 1, 1 + 2 * Math.log2(steps));
}

function interpolated(table: readonly number[], steps: number): number {
  const position = gridPosition(steps);
  const below = Math.floor(position);
  const lower = table[below] as number;
  const upper = table[Math.min(below + 1, STEP_GRID.length - 1)] as number;
  return lower + (upper - lower) * (position - below);
}
