import { risingValues } from "../numerics/index.ts";

/** One evaluation during training: accuracy gained since the start, and after how many steps. */
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
 * and fall (Tent does when it runs on: github.com/DequanWang/tent/issues/7):
 * `gain(s) = rise * (1 - exp(-s / tau)) - fall * (s / sigma)^2 / (1 + (s / sigma)^2)`.
 * All forms of a coarse grid over `tau` and `sigma` count by how well they explain what was seen (their fits of `rise`
 * and `fall` are exact), so that few observations give a wide prediction and not a sure wrong one.
 */
export class LearningCurve {
  readonly #gains: Float64Array;
  readonly #deviations: Float64Array;
  /** `#bestPoint[i]`: where the gain is best among the points up to i. */
  readonly #bestPoint: readonly number[];

  /** Tabulated gains and deviations at `STEP_GRID`; use `fitLearningCurve`. */
  constructor(gains: Float64Array, deviations: Float64Array) {
    this.#gains = gains;
    this.#deviations = deviations;
    const bestPoint: number[] = [];
    let best = 0;
    for (let point = 0; point < gains.length; point++) {
      if (gains[point]! > gains[best]!) best = point;
      bestPoint.push(best);
    }
    this.#bestPoint = bestPoint;
  }

  /** No gain and no loss, for sure. */
  static flat(): LearningCurve {
    return new LearningCurve(new Float64Array(STEP_GRID.length), new Float64Array(STEP_GRID.length));
  }

  /** Gain after exactly this number of steps. */
  at(steps: number): GainPrediction {
    return { gain: interpolated(this.#gains, steps), deviation: interpolated(this.#deviations, steps) };
  }

  /** Best gain within this number of steps, and when. Training stops there; never less than stopping at once. */
  bestWithin(steps: number): GainPrediction & { readonly steps: number } {
    const point = this.#bestPoint[Math.floor(gridPosition(steps))]!;
    const { gain, deviation } = this.at(steps);
    if (gain > this.#gains[point]!) return { steps, gain, deviation };
    return {
      steps: STEP_GRID[point]!,
      gain: this.#gains[point]!,
      deviation: this.#deviations[point]!,
    };
  }

  /** Steps after which the gain is first reached, to half an octave; `Infinity` when it never is. */
  stepsToReach(gain: number): number {
    const point = this.#gains.findIndex((value) => value >= gain);
    return point === -1 ? Number.POSITIVE_INFINITY : STEP_GRID[point]!;
  }

  /**
   * Mean of several curves; `weights` sum to 1. Disagreement between them adds to the deviation, and so does `widening`,
   * as in `widened`.
   */
  static mix(curves: readonly LearningCurve[], weights: readonly number[], widening: number = 0): LearningCurve {
    const gains = new Float64Array(STEP_GRID.length);
    const squares = new Float64Array(STEP_GRID.length);
    for (let index = 0; index < curves.length; index++) {
      const curve = curves[index]!;
      const weight = weights[index]!;
      for (let point = 0; point < gains.length; point++) {
        const gain = curve.#gains[point]!;
        gains[point]! += weight * gain;
        squares[point]! += weight * (curve.#deviations[point]! ** 2 + gain ** 2);
      }
    }
    // The variance of a mixture: its parts' own, and that of their means. Squares become deviations where they are.
    const deviations = squares;
    for (let point = 0; point < gains.length; point++) {
      const variance = Math.max(0, squares[point]! - gains[point]! ** 2);
      deviations[point] = Math.sqrt(point === 0 ? variance : variance + widening ** 2);
    }
    return new LearningCurve(gains, deviations);
  }

  /**
   * Curves of which each is believed to gain no less than the one before it. Where they were seen the other way round, but not
   * clearly so, they are taken to be equal, at each point by how sure they are there.
   */
  static ordered(curves: readonly LearningCurve[]): readonly LearningCurve[] {
    const rising = STEP_GRID.map((_, point) =>
      risingValues(curves.map((curve) => ({ value: curve.#gains[point]!, deviation: curve.#deviations[point]! }))),
    );
    return curves.map((curve, at) => {
      return new LearningCurve(
        curve.#gains.map((_, point) => rising[point]![at]!),
        curve.#deviations,
      );
    });
  }

  /** The same curve, less sure by `deviation`. */
  widened(deviation: number): LearningCurve {
    return new LearningCurve(
      this.#gains,
      this.#deviations.map((own, point) => (point === 0 ? own : Math.hypot(own, deviation))),
    );
  }
}

const TAUS: readonly number[] = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096];
const SIGMAS: readonly number[] = [4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384];

/** What is believed of any curve before it is seen: gains of some tenths at most, and falls are rarer than rises. */
const RISE_DEVIATION = 0.3;
const FALL_DEVIATION = 0.15;
/**
 * A rise that takes twice the steps is less likely by this (-2 log of the odds): what adapts does so within some tens of
 * steps, mostly; a few early points must not promise that it keeps rising for hundreds.
 */
const SLOW_MISFIT = 1;
/** No accuracy falls by more than all of it. */
const LEAST_RISE = -1;

/** What each form is at `STEP_GRID`, worked out once: `RISEN[i]` is that of `TAUS[i]`. */
const RISEN: readonly (readonly number[])[] = TAUS.map((tau) => STEP_GRID.map((steps) => risen(steps, tau)));
const FALLEN: readonly (readonly number[])[] = SIGMAS.map((sigma) => STEP_GRID.map((steps) => fallen(steps, sigma)));

/**
 * Fits a curve to observations. Prior knowledge comes as further observations with a larger deviation. Without any, the
 * curve expects nothing and is unsure.
 */
export function fitLearningCurve(observations: readonly GainObservation[]): LearningCurve {
  const ups = TAUS.map((tau) => observations.map(({ steps }) => risen(steps, tau)));
  const downs = SIGMAS.map((sigma) => observations.map(({ steps }) => -fallen(steps, sigma)));
  const hypotheses = ups.flatMap((up, index) => {
    const slowness = SLOW_MISFIT * Math.log2(TAUS[index]!);
    return downs.map((down) => hypothesis(observations, up, down, slowness));
  });
  const best = Math.min(...hypotheses.map(({ misfit }) => misfit));
  return mixOf(hypotheses, shares(hypotheses.map(({ misfit }) => Math.exp(-(misfit - best) / 2))));
}

/** Weights in proportion, that sum to 1. */
export function shares(weights: readonly number[]): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Mean of all hypotheses, and their own variance with that of their means, at each point of the grid. */
function mixOf(hypotheses: readonly Hypothesis[], weights: readonly number[]): LearningCurve {
  const gains = new Float64Array(STEP_GRID.length);
  const squares = new Float64Array(STEP_GRID.length);
  hypotheses.forEach(({ rise, fall, riseVariance, fallVariance }, index) => {
    const weight = weights[index]!;
    const rising = RISEN[Math.floor(index / SIGMAS.length)]!;
    const falling = FALLEN[index % SIGMAS.length]!;
    for (let point = 0; point < STEP_GRID.length; point++) {
      const up = rising[point]!;
      const down = falling[point]!;
      const gain = rise * up - fall * down;
      gains[point]! += weight * gain;
      const square = riseVariance * up ** 2 + fallVariance * down ** 2 + gain ** 2;
      squares[point]! += weight * square;
    }
  });
  return new LearningCurve(
    gains,
    squares.map((square, point) => Math.sqrt(Math.max(0, square - gains[point]! ** 2))),
  );
}

/** Judgements further off than this many deviations count less, by how far. */
const WILD_DEVIATIONS = 3;
const REWEIGHTINGS = 4;

interface Hypothesis {
  readonly rise: number;
  readonly fall: number;
  readonly riseVariance: number;
  readonly fallVariance: number;
  /** -2 log posterior, up to a constant. */
  readonly misfit: number;
}

/**
 * Fits one form: `up[i]` and `down[i]` are what a rise and a fall of 1 add to observation i; `unlikely` is how little the
 * form is believed before anything was seen, as `Hypothesis.misfit`.
 */
function hypothesis(
  observations: readonly GainObservation[],
  up: readonly number[],
  down: readonly number[],
  unlikely: number,
): Hypothesis {
  const riseStrength = 1 / RISE_DEVIATION ** 2;
  const fallStrength = 1 / FALL_DEVIATION ** 2;
  const distance = (index: number, rise: number, fall: number): number => {
    const { gain, deviation } = observations[index]!;
    return Math.abs(gain - rise * up[index]! - fall * down[index]!) / deviation;
  };
  let [rise, fall] = [0, 0];
  let [riseInformation, fallInformation] = [riseStrength, fallStrength];
  for (let round = 0; round <= REWEIGHTINGS; round++) {
    let [upUp, upDown, downDown] = [riseStrength, 0, fallStrength];
    let [upGain, downGain] = [0, 0];
    for (let index = 0; index < observations.length; index++) {
      const { gain, deviation } = observations[index]!;
      const wildness = round === 0 ? 1 : Math.max(1, distance(index, rise, fall) / WILD_DEVIATIONS);
      const weight = 1 / (deviation * wildness) ** 2;
      const [rising, falling] = [up[index]!, down[index]!];
      upUp += weight * rising ** 2;
      upDown += weight * rising * falling;
      downDown += weight * falling ** 2;
      upGain += weight * rising * gain;
      downGain += weight * falling * gain;
    }
    // The information of all that was seen, wild or not.
    if (round === 0) [riseInformation, fallInformation] = [upUp, downDown];
    [rise, fall] = boundedPair({ upUp, upDown, downDown, upGain, downGain });
  }
  let misfit = unlikely + rise ** 2 * riseStrength + fall ** 2 * fallStrength;
  for (let index = 0; index < observations.length; index++) {
    // Student's t with few degrees of freedom: one wild judgement does not outvote the rest.
    misfit += 5 * Math.log1p(distance(index, rise, fall) ** 2 / 4);
  }
  return { rise, fall, riseVariance: 1 / riseInformation, fallVariance: 1 / fallInformation, misfit };
}

/** The least squares of rise >= -1 and fall >= 0, exactly: with two unknowns each bound holds or does not. */
function boundedPair(normal: {
  readonly upUp: number;
  readonly upDown: number;
  readonly downDown: number;
  readonly upGain: number;
  readonly downGain: number;
}): [rise: number, fall: number] {
  const { upUp, upDown, downDown, upGain, downGain } = normal;
  const determinant = upUp * downDown - upDown ** 2;
  const free: [number, number] = [
    (upGain * downDown - downGain * upDown) / determinant,
    (upUp * downGain - upDown * upGain) / determinant,
  ];
  if (free[0] >= LEAST_RISE && free[1] >= 0) return free;
  const loss = (rise: number, fall: number): number =>
    upUp * rise ** 2 + 2 * upDown * rise * fall + downDown * fall ** 2 - 2 * (upGain * rise + downGain * fall);
  const withoutFall: [number, number] = [Math.max(LEAST_RISE, upGain / upUp), 0];
  const withLeastRise: [number, number] = [LEAST_RISE, Math.max(0, (downGain - upDown * LEAST_RISE) / downDown)];
  return loss(...withoutFall) <= loss(...withLeastRise) ? withoutFall : withLeastRise;
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

function interpolated(table: Float64Array, steps: number): number {
  const position = gridPosition(steps);
  const below = Math.floor(position);
  const lower = table[below]!;
  const upper = table[Math.min(below + 1, STEP_GRID.length - 1)]!;
  return lower + (upper - lower) * (position - below);
}
