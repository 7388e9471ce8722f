import {
  type AccuracyJudge,
  type AccuracyPrediction,
  type AccuracySample,
  type Chain,
  type FreezingRates,
  LAYER_CLASSES,
  remembered,
} from "../facts/index.ts";
import { mean } from "../numerics/index.ts";
import { FreezingDistance } from "./freezing-distance.ts";
import { fitLearningCurve, type GainObservation, LearningCurve, shares } from "./learning-curve.ts";

export interface AccuracyOptions {
  /** The micro-batch changes what is learned (batch normalisation). */
  readonly hasBatchStatistics: boolean;
  /** Says what a freezing that names its layers leaves to train. */
  readonly chain?: Chain;
  /** What the fleet knows of this model: counts like own samples, but is less sure. */
  readonly priors?: readonly AccuracySample[];
}

/** Deviation of a judgement, apart from chance: the micro-window's data are not the window's. */
const JUDGEMENT_DEVIATION = 0.01;
/**
 * A judge without labels is off by these shares of the error that it sees, the same way at every look; further below than
 * above, since what it misses are errors. `mpo bench judge` measures what they hold.
 */
const LABEL_FREE_SHARES = { below: 0.25, above: 0.15 };
/** Another device's task is not this one's. */
const PRIOR_DEVIATION = 0.05;
/** Micro-batches this many doublings apart learn about the same, where batch statistics matter. */
const DOUBLING_LENGTH = 1.5;
/** How unsure a curve is that was read off far neighbours only. */
const UNSEEN_DEVIATION = 0.1;

/** What training does where nothing was ever measured: some gain, more where more trains. Only an order to try things in. */
const GUESSED: readonly { readonly rate: number; readonly gain: number }[] = [
  { rate: 0, gain: 0.1 },
  { rate: 1, gain: 0.05 },
];
const GUESS_STEPS = 50;

interface KnownCurve {
  readonly freezing: FreezingRates;
  /** Undefined: the same at any. */
  readonly microBatch: number | undefined;
  readonly curve: LearningCurve;
}

interface MeasuredCurve extends KnownCurve {
  readonly microBatch: number;
}

/**
 * Known without measuring, unless it was (a method may take over statistics alone): where everything is frozen, nothing is
 * gained or lost. Without it what a half frozen model gains would be expected of one that is hardly trained at all.
 */
const ALL_FROZEN: KnownCurve = {
  freezing: { featureExtraction: 1, normalisation: 1, linear: 1 },
  microBatch: undefined,
  curve: LearningCurve.flat(),
};

function isAllFrozen(freezing: FreezingRates): boolean {
  return LAYER_CLASSES.every((layerClass) => freezing[layerClass] === ALL_FROZEN.freezing[layerClass]);
}

/**
 * Accuracy of any freezing and micro-batch at the end of a training, from curves measured for a few. What was not
 * measured is read off its neighbours (a Gaussian kernel over rates, and over the micro-batch where it matters), less
 * surely the further they are. Checkpointing changes nothing.
 */
export class AccuracyModel {
  readonly startAccuracy: number;
  /** Nothing was measured: predictions are a guess. */
  readonly isGuess: boolean;
  readonly #hasBatchStatistics: boolean;
  readonly #freezingDistance: FreezingDistance;
  readonly #judge: AccuracyJudge;
  readonly #known: readonly KnownCurve[];
  readonly #cache = new Map<string, LearningCurve>();

  constructor(samples: readonly AccuracySample[], { hasBatchStatistics, chain, priors = [] }: AccuracyOptions) {
    this.#hasBatchStatistics = hasBatchStatistics;
    this.#freezingDistance = new FreezingDistance(chain);
    const all = [
      ...samples.map((sample) => ({ sample, isPrior: false })),
      ...priors.map((sample) => ({ sample, isPrior: true })),
    ];
    this.isGuess = all.length === 0;
    const judged = samples.length > 0 ? samples : priors;
    this.#judge = judged.some(({ judge }) => judge === "label-free") ? "label-free" : "labels";
    const starts = judged.map(({ startAccuracy }) => startAccuracy);
    this.startAccuracy = starts.length > 0 ? mean(starts) : 0.5;
    const groups = new Map<string, { readonly first: AccuracySample; readonly observations: GainObservation[] }>();
    for (const { sample, isPrior } of all) {
      const key = this.#keyOf(sample.freezing, sample.microBatch);
      const group = remembered(groups, key, () => ({ first: sample, observations: [] }));
      group.observations.push(...observationsOf(sample, isPrior));
    }
    const measured = inOrder(
      [...groups.values()].map(({ first, observations }) => ({
        freezing: first.freezing,
        microBatch: first.microBatch,
        curve: fitLearningCurve(observations),
      })),
      hasBatchStatistics,
    );
    const isMeasured = measured.some(({ freezing }) => isAllFrozen(freezing));
    this.#known = groups.size === 0 ? guessedCurves() : isMeasured ? measured : [...measured, ALL_FROZEN];
  }

  /** Accuracy after at most `steps` steps under a config, stopping where it is best. */
  predict(freezing: FreezingRates, microBatch: number, steps: number): AccuracyPrediction {
    const { gain, deviation, steps: best } = this.curve(freezing, microBatch).bestWithin(steps);
    const expected = Math.min(1, Math.max(0, this.startAccuracy + gain));
    // Not part of the curve: looks at one training share what the judge is off by, so that more of them do not help.
    const interval = around(expected, deviation, this.#judge);
    return { expected, ...interval, steps: Math.min(Math.round(best), Math.floor(steps)), isGuess: this.isGuess };
  }

  curve(freezing: FreezingRates, microBatch: number): LearningCurve {
    return remembered(this.#cache, this.#keyOf(freezing, microBatch), () => {
      const distances = this.#known.map((entry) => this.#distance(entry, freezing, microBatch));
      const nearest = Math.min(...distances);
      // Relative to the nearest, so that far from everything the nearest still counts.
      const weights = shares(distances.map((distance) => Math.exp((nearest - distance) / 2)));
      const widening = UNSEEN_DEVIATION * Math.sqrt(1 - Math.exp(-nearest / 2));
      return LearningCurve.mix(
        this.#known.map(({ curve }) => curve),
        weights,
        widening,
      );
    });
  }

  #distance(entry: KnownCurve, freezing: FreezingRates, microBatch: number): number {
    let squared = this.#freezingDistance.squared(entry.freezing, freezing);
    if (this.#hasBatchStatistics && entry.microBatch !== undefined) {
      squared += (Math.log2(entry.microBatch / microBatch) / DOUBLING_LENGTH) ** 2;
    }
    return squared;
  }

  #keyOf(freezing: FreezingRates, microBatch: number): string {
    const { onlyLayers = [] } = freezing;
    const what = [...LAYER_CLASSES.map((layerClass) => freezing[layerClass]), ...onlyLayers].join();
    return this.#hasBatchStatistics ? `${what} ${microBatch}` : what;
  }
}

/**
 * With batch statistics a larger micro-batch mostly learns no less in as many steps, and takes less time. Judges cannot tell
 * apart what learns about the same: without this the search would choose by their noise. What is clearly better stays so.
 */
function inOrder(curves: readonly MeasuredCurve[], hasBatchStatistics: boolean): readonly MeasuredCurve[] {
  if (!hasBatchStatistics) return curves;
  const byFreezing = new Map<string, MeasuredCurve[]>();
  for (const one of curves) remembered(byFreezing, JSON.stringify(one.freezing), () => []).push(one);
  return [...byFreezing.values()].flatMap((group) => {
    const rising = group.toSorted((left, right) => left.microBatch - right.microBatch);
    const ordered = LearningCurve.ordered(rising.map(({ curve }) => curve));
    return rising.map((one, index) => ({ ...one, curve: ordered[index]! }));
  });
}

/** Where the truth lies that was judged as this accuracy. */
export function judgedInterval(
  accuracy: number,
  judge: AccuracyJudge,
  judgedSamples: number,
): { readonly lower: number; readonly upper: number } {
  return around(accuracy, Math.hypot(chanceOf(accuracy, judgedSamples), JUDGEMENT_DEVIATION), judge);
}

/** Two standard deviations to each side, what the judge is off by among them. */
function around(
  accuracy: number,
  deviation: number,
  judge: AccuracyJudge,
): { readonly lower: number; readonly upper: number } {
  const { below, above } = judge === "labels" ? { below: 0, above: 0 } : LABEL_FREE_SHARES;
  const reach = (share: number): number => 2 * Math.hypot(deviation, share * (1 - accuracy));
  return { lower: Math.max(0, accuracy - reach(below)), upper: Math.min(1, accuracy + reach(above)) };
}

/** A share of right answers cannot be surer than one more of each kind allows (Agresti and Coull). */
function chanceOf(accuracy: number, samples: number): number {
  const share = (accuracy * samples + 2) / (samples + 4);
  return Math.sqrt((share * (1 - share)) / (samples + 4));
}

function observationsOf(sample: AccuracySample, isPrior: boolean): readonly GainObservation[] {
  return sample.points.map(({ steps, accuracy }) => {
    const chance = chanceOf(accuracy, sample.judgedSamples);
    return {
      steps,
      gain: accuracy - sample.startAccuracy,
      deviation: Math.hypot(chance, JUDGEMENT_DEVIATION, isPrior ? PRIOR_DEVIATION : 0),
    };
  });
}

function guessedCurves(): readonly KnownCurve[] {
  return GUESSED.map(({ rate, gain }) => ({
    freezing: { featureExtraction: rate, normalisation: rate, linear: 0 },
    microBatch: 32,
    curve: fitLearningCurve(
      [0.5, 1, 4].map((times) => ({
        steps: times * GUESS_STEPS,
        gain: gain * (1 - Math.exp(-times)),
        deviation: UNSEEN_DEVIATION,
      })),
    ).widened(UNSEEN_DEVIATION),
  }));
}
