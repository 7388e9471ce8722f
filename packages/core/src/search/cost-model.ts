import { type Chain, type Profile, type RetrainConfig, resolveRetrainConfig, type StepSample } from "../facts/index.ts";
import { type UnitCosts, UnitCostTable, walkSchedule } from "../memory/index.ts";
import {
  type CoefficientPrior,
  DEFAULT_MISS_RATE,
  dot,
  leastSquares,
  median,
  type Observation,
  typical,
  type UpperMargin,
  upperMargin,
  withoutWild,
} from "../numerics/index.ts";
import { frozenParameters, unitSchedule } from "../plan/index.ts";
import {
  amountOf,
  DEFAULT_RATES,
  fitRates,
  fitUnitTimes,
  type MsCurve,
  msAt,
  ratedMs,
  WorkPrices,
  type WorkRates,
  withoutKernelGradients,
} from "../time/index.ts";

/** A predicted number and the bound that it is believed not to pass. */
export interface Bounded {
  readonly expected: number;
  readonly upper: number;
}

export interface StepPrediction {
  /** Bytes above the idle process. */
  readonly memoryBytes: Bounded;
  readonly stepMs: Bounded;
  /** What the model has not seen and may be wrong about; empty: nothing. */
  readonly unknowns: readonly string[];
}

/** What decides the time of a step besides its plan's work. */
export interface StepShape {
  readonly microBatch: number;
  readonly accumulation: number;
  readonly trainedBytes: number;
}

/** Least margin of memory while few measurements were made: what plans are seen to be off by, over many models. */
const FEW_MEMORY_MARGIN = 0.05;
/**
 * Absolute part of memory's error: with the margins below, about a megabyte by which the heap of the worker's program
 * differs from run to run, whatever the config.
 */
const MEMORY_SLACK_BYTES = 32 * 1024 * 1024;
/**
 * By how much the heap of a worker's program may differ from run to run, whatever the config: a bound leaves room for
 * it. Over 84 configs and the demo's windows it took up to 5.3 MiB more than planned, most of it in steps of 2 to 8 images
 * on a machine that hands out memory in pages of 2 MiB.
 */
export const HEAP_BYTES: number = 6 * 1024 * 1024;
/**
 * Least share of what is expected that a bound leaves: a pool that ends early has other gaps than one that does not.
 * ResNet-20 in seven equal segments took 5 % more of it.
 */
const LEAST_MEMORY_MARGIN = 0.06;
const TIME_SLACK_MS = 0.5;
/** How far plans are believed to be off before anything was measured: a share of what they say, and bytes. */
const MEMORY_SCALE_DEVIATION = 0.05;
const MEMORY_OFFSET_DEVIATION = 1.5 * 1024 * 1024;
/** Errors that the fits expect of a good measurement: shares, and what the heap of the worker's program adds. */
const MEMORY_NOISE = 0.01;
const MEMORY_NOISE_BYTES = 1024 * 1024;
/** More than this is not noise any more. */
const MOST_MEMORY_NOISE_BYTES = 4 * 1024 * 1024;
const TIME_NOISE = 0.05;
/** Of the sum of its units' times, what a step takes at least. */
const LEAST_WORK_SHARE = 0.3;
/** Later samples say more about the device as it is now: each newer one counts this much more (forgetting factor). */
const FORGETTING = 0.97;
/** Other programs' share of the processor during a probe above which its times are doubted. */
const BUSY_SHARE = 0.15;
/** Margin grows by this share for each doubling of the micro-batch past what was measured. */
const EXTRAPOLATION = 0.5;

/** Coefficients of the time of a step, in the order of `timeFeatures`. */
type TimeLaw = readonly number[];
/** Measured growth is about `scale * planned + offset`. */
interface MemoryLaw {
  readonly scale: number;
  readonly offsetBytes: number;
}

/**
 * Memory and time of any config of one model on one device. The plan of the config gives the base: its growth through
 * the allocator's pool, and the sum of its units' times. A law fitted to whole steps corrects each (scale and offset of
 * memory; scale, cost of a micro-batch, of an update and of a step), and the errors that the law makes on steps it was
 * not fitted to (leave one out) give the upper bounds.
 */
export class CostModel {
  readonly chain: Chain;
  readonly profile: Profile;
  readonly costs: UnitCostTable;
  readonly prices: WorkPrices;
  readonly memoryMargin: UpperMargin;
  readonly timeMargin: UpperMargin;
  readonly #memory: MemoryLaw;
  /** From the timeline's peak to the growth through the pool. */
  readonly #growth: MemoryLaw;
  readonly #time: TimeLaw;
  readonly #measuredMicroBatches: { readonly least: number; readonly most: number };

  /** `costs` may be shared between all profiles of one chain. */
  constructor(chain: Chain, profile: Profile, costs: UnitCostTable = new UnitCostTable(chain)) {
    this.chain = chain;
    this.profile = profile;
    this.costs = costs;
    const unfrozen = costs.costs(chain.parameters.map(() => false));
    this.prices = pricesOf(chain, profile, costs, unfrozen);
    const steps = profile.steps.map((sample) => this.#based(sample));
    const memorySteps = steps.filter(({ measuredBytes }) => measuredBytes !== undefined);
    this.#memory = fitMemory(memorySteps);
    const time = timeFit(steps, profile);
    this.#time = leastSquares(time.observations, time.priors);
    this.memoryMargin = upperMargin(memoryResiduals(memorySteps), DEFAULT_MISS_RATE, 0.25, FEW_MEMORY_MARGIN);
    this.timeMargin = upperMargin(timeResiduals(steps, time), DEFAULT_MISS_RATE, 0.5);
    const samples = [1, profile.effectiveBatch].map((microBatch) => {
      const accumulation = Math.max(1, Math.round(profile.effectiveBatch / microBatch));
      return this.#based({
        config: resolveRetrainConfig({ microBatch, accumulation }),
        plannedPeakBytes: 0,
        msPerStep: [0],
      });
    });
    this.#growth = fitGrowth([...steps, ...samples]);
    const seen = [...profile.steps.map(({ config }) => config), ...profile.unitTimes].map(
      ({ microBatch }) => microBatch,
    );
    this.#measuredMicroBatches = { least: Math.min(...seen), most: Math.max(...seen) };
  }

  /** Everything about one config. Throws `invalid-argument` for one that the chain cannot run. */
  predict(partial: Partial<RetrainConfig>): StepPrediction {
    const config = resolveRetrainConfig(partial);
    const { growthBytes, trainedBytes } = this.costs.planned(config, this.profile.memoryFacts);
    return {
      memoryBytes: this.memoryBytes(growthBytes, config.microBatch),
      stepMs: this.stepMs(this.#microMs(config), { ...config, trainedBytes }),
      unknowns: this.unknowns(config),
    };
  }

  /** Growth of the process for a planned growth (`residentGrowth`). */
  memoryBytes(plannedBytes: number, microBatch: number): Bounded {
    const expected = memoryAt(this.#memory, plannedBytes);
    const least = HEAP_BYTES + LEAST_MEMORY_MARGIN * expected;
    const seen = this.memoryMargin.margin * (expected + MEMORY_SLACK_BYTES);
    return { expected, upper: expected + this.#stretch(microBatch) * Math.max(least, seen) };
  }

  /** About what `residentGrowth` says, from the timeline's peak alone: for many configs at once. */
  roughGrowth(timelineBytes: number): number {
    return Math.max(timelineBytes, memoryAt(this.#growth, timelineBytes));
  }

  /** Time of one step of which one micro-batch takes `microMs` by the unit times. */
  stepMs(microMs: MsCurve, shape: StepShape): Bounded {
    const expected = expectedMs(timeFeatures(microMs, shape), this.#time);
    const margin = this.timeMargin.margin * this.#stretch(shape.microBatch);
    return { expected, upper: expected + margin * (expected + TIME_SLACK_MS) };
  }

  /** What the model does not know about a config. */
  unknowns(config: RetrainConfig): readonly string[] {
    const { profile } = this;
    const found: string[] = [];
    const { least, most } = this.#measuredMicroBatches;
    if (!Number.isFinite(least)) found.push("nothing was measured: times are those of a slow core");
    else if (config.microBatch < least || config.microBatch > most) {
      found.push(`micro-batch ${config.microBatch} lies outside the measured ${least} to ${most}`);
    }
    if (profile.unitTimes.length === 0) found.push("no unit's time was measured: shares come from operation counts");
    const measured = profile.steps.filter(({ measuredPeakBytes }) => measuredPeakBytes !== undefined);
    if (measured.length === 0) found.push("no memory was measured: the bound is a guess");
    else if (!this.memoryMargin.isGuaranteed) {
      found.push(`memory's bound rests on ${this.memoryMargin.residuals} measurements`);
    }
    if (config.checkpoints.kind !== "none" && profile.steps.every((step) => step.config.checkpoints.kind === "none")) {
      found.push("no step with recomputing was measured");
    }
    if (config.accumulation > 1 && profile.steps.every((step) => step.config.accumulation === 1)) {
      found.push("no step with accumulation was measured");
    }
    const { othersCpuShare = 0 } = profile.spent;
    if (othersCpuShare > BUSY_SHARE) {
      const share = `${Math.round(100 * othersCpuShare)} %`;
      found.push(`other programs took ${share} of the processor while this was measured: times may be too long`);
    }
    return found;
  }

  #microMs(config: RetrainConfig): MsCurve {
    const costs = this.costs.costs(frozenParameters(this.chain, config.freezing));
    const walked = walkSchedule(
      costs,
      unitSchedule(this.chain, config.checkpoints),
      this.profile.memoryFacts.lossWorkBytesPerSample,
    );
    return this.prices.scheduleMs(costs, walked);
  }

  #based(sample: StepSample): BasedStep {
    const planned = this.costs.planned(sample.config, this.profile.memoryFacts);
    return {
      plannedBytes: planned.growthBytes,
      timelineBytes: planned.timelineBytes,
      measuredBytes: sample.measuredPeakBytes,
      features: timeFeatures(this.#microMs(sample.config), {
        ...sample.config,
        trainedBytes: planned.trainedBytes,
      }),
      ms: typical(sample.msPerStep),
    };
  }

  /** More margin where the micro-batch lies past what was measured. */
  #stretch(microBatch: number): number {
    const { least, most } = this.#measuredMicroBatches;
    if (!Number.isFinite(least)) return 1;
    const doublings = Math.max(0, Math.log2(microBatch / most), Math.log2(least / microBatch));
    return 1 + EXTRAPOLATION * doublings;
  }
}

/** A measured step with what the plan says of it. */
interface BasedStep {
  readonly plannedBytes: number;
  readonly timelineBytes: number;
  readonly measuredBytes: number | undefined;
  readonly features: readonly number[];
  readonly ms: number;
}

const MEGABYTE = 1e6;

/** Work; micro-batches; megabytes added to accumulators; megabytes updated; one for the step. */
function timeFeatures(
  microMs: MsCurve,
  { microBatch, accumulation, trainedBytes: bytes }: StepShape,
): readonly number[] {
  const megabytes = bytes / MEGABYTE;
  return [
    accumulation * msAt(microMs, microBatch),
    accumulation,
    accumulation > 1 ? accumulation * megabytes : 0,
    megabytes,
    1,
  ];
}

function pricesOf(chain: Chain, profile: Profile, costs: UnitCostTable, unfrozen: readonly UnitCosts[]): WorkPrices {
  const microBatches = knotsOf(profile);
  if (profile.unitTimes.length === 0) {
    return new WorkPrices(chain, { unfrozen, rates: ratesOfSteps(chain, profile, costs), microBatches });
  }
  const amounts = unfrozen.map(({ work }) => ({
    forward: amountOf(chain, work.forward),
    backward: amountOf(chain, work.backward),
    normOnlyBackward: amountOf(chain, withoutKernelGradients(chain, work.backward)),
  }));
  const measured = profile.unitTimes.flatMap(({ unit, microBatch, forwardMs, backwardMs, normOnlyBackwardMs = [] }) => {
    const { forward, backward, normOnlyBackward } = amounts[unit] as (typeof amounts)[number];
    return [
      { amount: forward, microBatch, ms: typical(forwardMs) },
      { amount: backward, microBatch, ms: typical(backwardMs) },
      ...(normOnlyBackwardMs.length > 0
        ? [{ amount: normOnlyBackward, microBatch, ms: typical(normOnlyBackwardMs) }]
        : []),
    ];
  });
  const rates = fitRates(measured);
  const times = amounts.map((amount, unit) => {
    const own = profile.unitTimes.filter((sample) => sample.unit === unit);
    return fitUnitTimes(own, microBatches, {
      forward: (microBatch) => ratedMs(amount.forward, microBatch, rates),
      backward: (microBatch) => ratedMs(amount.backward, microBatch, rates),
      normOnlyBackward: (microBatch) => ratedMs(amount.normOnlyBackward, microBatch, rates),
    });
  });
  return new WorkPrices(chain, { unfrozen, rates, times, microBatches });
}

/** Micro-batches at which times are worked out: all that were measured, and the powers of two up to a whole step. */
function knotsOf({ unitTimes, effectiveBatch }: Profile): readonly number[] {
  const knots = new Set(unitTimes.map(({ microBatch }) => microBatch));
  for (let size = 1; size < effectiveBatch; size *= 2) knots.add(size);
  return [...knots.add(1).add(effectiveBatch)].sort((left, right) => left - right);
}

/** No unit was measured: whole steps are the only work whose time is known. */
function ratesOfSteps(chain: Chain, { steps }: Profile, costs: UnitCostTable): WorkRates {
  if (steps.length === 0) return DEFAULT_RATES;
  const measured = steps.map(({ config, msPerStep }) => {
    const own = costs.costs(frozenParameters(chain, config.freezing));
    const walked = walkSchedule(own, unitSchedule(chain, config.checkpoints), 0);
    const work = own.flatMap((unit, index) => [
      ...repeated(unit.work.forward, walked.forwards[index] as number),
      ...repeated(unit.work.again, walked.agains[index] as number),
      ...repeated(unit.work.backward, walked.backwards[index] as number),
    ]);
    return {
      amount: amountOf(chain, work),
      microBatch: config.microBatch,
      ms: typical(msPerStep) / config.accumulation,
    };
  });
  return fitRates(measured);
}

function repeated<T>(items: readonly T[], times: number): readonly T[] {
  return Array.from({ length: times }, () => items).flat();
}

function memoryAt({ scale, offsetBytes }: MemoryLaw, plannedBytes: number): number {
  return Math.max(0, scale * plannedBytes + offsetBytes);
}

/**
 * The law of measured memory. How noisy measurements are is told by their own scatter about it: where they agree, a few
 * settle it; where they do not, one of them must not move every prediction by what is but its own.
 */
function fitMemory(steps: readonly BasedStep[]): MemoryLaw {
  const law = fitMemoryWith(steps, MEMORY_NOISE_BYTES);
  const squares = steps.map((step) => {
    const { plannedBytes, measuredBytes = 0 } = step;
    return Math.max(0, Math.abs(measuredBytes - memoryAt(law, plannedBytes)) - MEMORY_NOISE * plannedBytes) ** 2;
  });
  const freedom = Math.max(1, steps.length - LAW_COEFFICIENTS);
  const scatterBytes = Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / freedom);
  if (scatterBytes <= MEMORY_NOISE_BYTES) return law;
  return fitMemoryWith(steps, Math.min(MOST_MEMORY_NOISE_BYTES, scatterBytes));
}

const LAW_COEFFICIENTS = 2;

function fitMemoryWith(steps: readonly BasedStep[], noiseBytes: number): MemoryLaw {
  const usual = steps.length > 0 ? median(steps.map(({ plannedBytes }) => plannedBytes)) : MEMORY_SLACK_BYTES;
  const observations = steps.map(({ plannedBytes, measuredBytes = 0 }, index): Observation => {
    const noise = MEMORY_NOISE * plannedBytes + noiseBytes;
    return {
      features: [plannedBytes / usual, 1],
      target: measuredBytes / usual,
      weight: FORGETTING ** (steps.length - 1 - index) * (usual / noise) ** 2,
    };
  });
  const priors = [
    { mean: 1, strength: 1 / MEMORY_SCALE_DEVIATION ** 2, least: 0.5 },
    { mean: 0, strength: (usual / MEMORY_OFFSET_DEVIATION) ** 2, least: Number.NEGATIVE_INFINITY },
  ];
  const [scale, offset] = leastSquares(observations, priors) as [number, number];
  return { scale, offsetBytes: offset * usual };
}

function fitGrowth(steps: readonly BasedStep[]): MemoryLaw {
  const usual = median(steps.map(({ timelineBytes }) => timelineBytes));
  const observations = steps.map(({ timelineBytes, plannedBytes }) => ({
    features: [timelineBytes / usual, 1],
    target: plannedBytes / usual,
    weight: (usual / timelineBytes) ** 2,
  }));
  const [scale, offset] = leastSquares(observations, [
    { mean: 1.05, strength: 0.01, least: 1 },
    { mean: 0, strength: 0.01, least: 0 },
  ]) as [number, number];
  return { scale, offsetBytes: offset * usual };
}

/**
 * What a law says of a step. Units are timed one by one, which takes longer than running them in one go: the cost of a
 * micro-batch may be negative. No step takes less than a good part of its units' times, though.
 */
function expectedMs(features: readonly number[], law: TimeLaw): number {
  return Math.max(LEAST_WORK_SHARE * (features[0] as number), dot(features, law));
}

/** Weighed observations of a law, and what is believed of its coefficients. */
interface TimeFit {
  readonly observations: readonly Observation[];
  readonly priors: readonly CoefficientPrior[];
}

function timeFit(steps: readonly BasedStep[], profile: Profile): TimeFit {
  const usualMs = steps.length > 0 ? median(steps.map(({ ms }) => ms)) : 1;
  const observations = steps.map(({ features, ms }, index): Observation => {
    const noise = TIME_NOISE * (ms + TIME_SLACK_MS);
    return { features, target: ms, weight: FORGETTING ** (steps.length - 1 - index) / noise ** 2 };
  });
  const update = perMegabyte(profile, "updateMs");
  const accumulate = perMegabyte(profile, "accumulateMs");
  const around = (mean: number, deviation: number, least: number = 0): CoefficientPrior => ({
    mean,
    strength: 1 / deviation ** 2,
    least,
  });
  const priors = [
    around(1, profile.unitTimes.length > 0 ? 0.15 : 1, 0.05),
    around(0, 0.003 * usualMs, Number.NEGATIVE_INFINITY),
    around(accumulate ?? 0.5, accumulate === undefined ? 1 : 0.1 * accumulate + 0.01),
    around(update ?? 0.5, update === undefined ? 1 : 0.1 * update + 0.01),
    around(0, 0.1 * usualMs),
  ];
  // A step that something else held up says little; one within the expected noise is not wild.
  return { observations: withoutWild(observations, priors, 1), priors };
}

function perMegabyte({ updates }: Profile, field: "updateMs" | "accumulateMs"): number | undefined {
  const rates = updates
    .filter((sample) => sample[field].length > 0)
    .map((sample) => (typical(sample[field]) / sample.parameterBytes) * MEGABYTE);
  return rates.length === 0 ? undefined : median(rates);
}

/** Each step's error under the law fitted to the other steps. */
function memoryResiduals(steps: readonly BasedStep[]): readonly number[] {
  return steps.map((step, index) => {
    const expected = memoryAt(fitMemory(steps.filter((_, other) => other !== index)), step.plannedBytes);
    return ((step.measuredBytes ?? 0) - expected) / (expected + MEMORY_SLACK_BYTES);
  });
}

function timeResiduals(steps: readonly BasedStep[], { observations, priors }: TimeFit): readonly number[] {
  return steps.map((step, index) => {
    const law = leastSquares(
      observations.filter((_, other) => other !== index),
      priors,
    );
    const expected = expectedMs(step.features, law);
    return (step.ms - expected) / (expected + TIME_SLACK_MS);
  });
}
