import type { Bounded, CostProfile, RetrainConfig } from "../facts/index.ts";
import { type UnitCostTable, walkSchedule } from "../memory/index.ts";
import {
  type CoefficientPrior,
  dot,
  FORGETTING,
  leastSquares,
  median,
  type Observation,
  ordinary,
  typical,
  upperMargin,
  withoutWild,
} from "../numerics/index.ts";
import { frozenParameters, unitSchedule } from "../plan/index.ts";
import { fitPrices } from "./fit-prices.ts";
import { type MsCurve, msAt } from "./ms-curve.ts";
import type { WorkPrices } from "./work-prices.ts";

/** What decides the time of a step, apart from its plan's work. */
export interface StepShape {
  readonly microBatch: number;
  readonly accumulation: number;
  readonly trainedBytes: number;
}

/** What errors of a step's time are compared with, apart from the time itself. */
const SLACK_MS = 0.5;
/** Error that the fit expects of a good measurement, as a share. */
const NOISE = 0.05;
/** Of the sum of its units' times, what a step takes at least. */
const LEAST_WORK_SHARE = 0.3;
/** Margin where no step was measured. */
const UNMEASURED_MARGIN = 0.5;
const MEGABYTE = 1e6;

/**
 * Time of any step: the sum of its units' times, corrected by a law fitted to whole steps (scale; cost of a micro-batch, of
 * accumulating, of an update and of a step). The errors of the law on steps it was not fitted to give the upper bound,
 * with the slowest of their repeats that is no outlier: where other programs run, a later step may take as long.
 */
export class TimeLaw {
  readonly prices: WorkPrices;
  readonly #profile: CostProfile;
  readonly #costs: UnitCostTable;
  /** In the order of `featuresOf`. */
  readonly #coefficients: readonly number[];
  /** Relative. */
  readonly #margin: number;

  constructor(profile: CostProfile, costs: UnitCostTable) {
    this.#profile = profile;
    this.#costs = costs;
    this.prices = fitPrices(profile, costs);
    const steps = profile.steps.map(({ config, stepMs }): Observation => {
      const { trainedBytes } = costs.planned(config, profile.memoryFacts);
      return { features: featuresOf(this.microMs(config), { ...config, trainedBytes }), target: typical(stepMs) };
    });
    const priors = priorsOf(profile, steps.length > 0 ? median(steps.map(({ target }) => target)) : 1);
    const weighed = steps.map((step, index): Observation => {
      const noise = NOISE * (step.target + SLACK_MS);
      return { ...step, weight: FORGETTING ** (steps.length - 1 - index) / noise ** 2 };
    });
    // A step that something else held up says little; one within the expected noise is not wild.
    const observations = withoutWild(weighed, priors, 1);
    this.#coefficients = leastSquares(observations, priors);
    const residuals = steps.map(({ features, target }, index) => {
      const others = observations.filter((_, other) => other !== index);
      const expected = expectedMs(features, leastSquares(others, priors));
      const slowest = Math.max(...ordinary(profile.steps[index]!.stepMs));
      return Math.max(Math.abs(target - expected), slowest - expected) / (expected + SLACK_MS);
    });
    this.#margin = upperMargin(residuals, UNMEASURED_MARGIN);
  }

  /** Time of one micro-batch of a config, by the unit times. */
  microMs({ freezing, checkpoints }: RetrainConfig): MsCurve {
    const { chain } = this.#costs;
    const costs = this.#costs.costs(frozenParameters(chain, freezing));
    const { lossWorkBytesPerSample } = this.#profile.memoryFacts;
    return this.prices.scheduleMs(costs, walkSchedule(costs, unitSchedule(chain, checkpoints), lossWorkBytesPerSample));
  }

  /** Time of one step of which one micro-batch takes `microMs` by the unit times; `stretch` widens the bound. */
  stepMs(microMs: MsCurve, shape: StepShape, stretch: number): Bounded {
    const expected = expectedMs(featuresOf(microMs, shape), this.#coefficients);
    return { expected, upper: expected + stretch * this.#margin * (expected + SLACK_MS) };
  }
}

/** Work; micro-batches; megabytes added to accumulators; megabytes updated; one for the step. */
function featuresOf(microMs: MsCurve, { microBatch, accumulation, trainedBytes }: StepShape): readonly number[] {
  const megabytes = trainedBytes / MEGABYTE;
  return [
    accumulation * msAt(microMs, microBatch),
    accumulation,
    accumulation > 1 ? accumulation * megabytes : 0,
    megabytes,
    1,
  ];
}

/** What is believed of each feature's coefficient before any step was measured. */
function priorsOf(profile: CostProfile, usualMs: number): readonly CoefficientPrior[] {
  const around = (mean: number, deviation: number, least: number = 0): CoefficientPrior => {
    return { mean, strength: 1 / deviation ** 2, least };
  };
  const perMegabyte = (field: "updateMs" | "accumulateMs"): CoefficientPrior => {
    const rates = profile.updates
      .filter((sample) => sample[field].length > 0)
      .map((sample) => (typical(sample[field]) / sample.parameterBytes) * MEGABYTE);
    const rate = median(rates);
    return rates.length === 0 ? around(0.5, 1) : around(rate, 0.1 * rate + 0.01);
  };
  return [
    around(1, profile.unitTimes.length > 0 ? 0.15 : 1, 0.05),
    around(0, 0.003 * usualMs, Number.NEGATIVE_INFINITY),
    perMegabyte("accumulateMs"),
    perMegabyte("updateMs"),
    around(0, 0.1 * usualMs),
  ];
}

/**
 * What a law says of a step. Units are timed one by one, which takes longer than running them in one go: the cost of a
 * micro-batch may be negative. No step takes less than a good part of its units' times, though.
 */
function expectedMs(features: readonly number[], coefficients: readonly number[]): number {
  const [workMs = 0] = features;
  return Math.max(LEAST_WORK_SHARE * workMs, dot(features, coefficients));
}
