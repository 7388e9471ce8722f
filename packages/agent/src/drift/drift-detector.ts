import { FEATURE_NAMES, INTENSITY_BINS, type InputSummary } from "./input-summary.ts";
import { PAGE_HINKLEY_START, type PageHinkley, pageHinkley } from "./page-hinkley.ts";
import { populationStability } from "./population-stability.ts";

/** When inputs count as drifted. */
export interface DriftLimits {
  /** Inputs that make up the reference, and the number that is compared with it. */
  readonly referenceInputs: number;
  readonly recentInputs: number;
  /** Standard deviations of a batch's mean by which it must lie off before it counts at all. */
  readonly toleratedDeviations: number;
  /** Sum of what lies beyond that. */
  readonly deviationSum: number;
  /** Of intensities, between reference and recent inputs. */
  readonly populationStability: number;
  /** Summed rise of the mean prediction entropy, as a share of its largest value, and what is tolerated each time. */
  readonly entropyRise: number;
  readonly toleratedEntropy: number;
}

export const DEFAULT_DRIFT_LIMITS: DriftLimits = {
  referenceInputs: 256,
  recentInputs: 64,
  toleratedDeviations: 4,
  deviationSum: 12,
  populationStability: 0.25,
  entropyRise: 0.3,
  toleratedEntropy: 0.05,
};

/** What gave a drift away. */
export type DriftSign = "features" | "intensities" | "entropy";

/** What the signs of a drift say to people. */
const SIGN_WORDS: Readonly<Record<DriftSign, string>> = {
  features: "brightness, contrast or detail of the images",
  intensities: "how often each brightness occurs",
  entropy: "how sure the model is",
};

/** What has changed, in words. */
export function describeSigns(signs: readonly DriftSign[]): string {
  return `changed: ${signs.map((sign) => SIGN_WORDS[sign]).join(", ")}`;
}

/** Running moments of one feature, over summaries weighted by their inputs. */
interface Moments {
  readonly mean: number;
  readonly squares: number;
}

/** What a detector remembers: plain data, so that it can be written down. */
export interface DriftState {
  readonly referenceCount: number;
  readonly referenceSummaries: number;
  readonly features: Readonly<Record<string, Moments>>;
  readonly intensities: readonly number[];
  readonly entropySum: number;
  readonly entropyCount: number;
  /** Confidences of the reference, at most 512: what a label-free estimate is set by. */
  readonly confidences: readonly number[];
  /** Cumulative sums of what lies beyond the tolerance (CUSUM, Page 1954). */
  readonly deviations: Readonly<Record<string, number>>;
  readonly entropy: PageHinkley;
  readonly recent: readonly { readonly count: number; readonly intensities: readonly number[] }[];
}

export const DRIFT_START: DriftState = {
  referenceCount: 0,
  referenceSummaries: 0,
  features: {},
  intensities: new Array<number>(INTENSITY_BINS).fill(0),
  entropySum: 0,
  entropyCount: 0,
  confidences: [],
  deviations: {},
  entropy: PAGE_HINKLEY_START,
  recent: [],
};

/** What a detector says after a batch. `signs` is empty while nothing has drifted. */
export interface DriftVerdict {
  readonly state: DriftState;
  readonly signs: readonly DriftSign[];
}

/** The reference needs some batches to know how much their means vary. */
const LEAST_SUMMARIES = 4;
/** A feature that hardly varied in the reference would otherwise call any change a drift. */
const LEAST_DEVIATION = 0.01;
const MAX_CONFIDENCES = 512;

/**
 * One more batch of inputs. The first ones make the reference; later ones are held against it in three ways: how far the
 * means of simple features lie off (cumulative sum of standard deviations), how differently intensities are spread
 * (population stability), and how much less sure the model is (Page-Hinkley over entropy).
 */
export function watchInputs(state: DriftState, batch: InputSummary, limits: DriftLimits): DriftVerdict {
  if (batch.count === 0) return { state, signs: [] };
  const isReference = state.referenceCount < limits.referenceInputs || state.referenceSummaries < LEAST_SUMMARIES;
  return isReference ? { state: learn(state, batch), signs: [] } : compare(state, batch, limits);
}

/** Whether the reference is complete. */
export function hasReference(state: DriftState, limits: DriftLimits): boolean {
  return state.referenceCount >= limits.referenceInputs && state.referenceSummaries >= LEAST_SUMMARIES;
}

function learn(state: DriftState, batch: InputSummary): DriftState {
  const summaries = state.referenceSummaries + 1;
  const features = FEATURE_NAMES.map((name) => {
    const { mean = 0, squares = 0 } = state.features[name] ?? {};
    const value = batch.features[name];
    // Welford: means of batches, each counted once.
    const next = mean + (value - mean) / summaries;
    return [name, { mean: next, squares: squares + (value - mean) * (value - next) }] as const;
  });
  return {
    ...state,
    referenceCount: state.referenceCount + batch.count,
    referenceSummaries: summaries,
    features: Object.fromEntries(features),
    intensities: state.intensities.map((count, bin) => count + (batch.intensities[bin] ?? 0)),
    entropySum: state.entropySum + (batch.predictionEntropy ?? 0) * batch.count,
    entropyCount: state.entropyCount + (batch.predictionEntropy === undefined ? 0 : batch.count),
    confidences: [...state.confidences, ...batch.confidences].slice(0, MAX_CONFIDENCES),
  };
}

function compare(state: DriftState, batch: InputSummary, limits: DriftLimits): DriftVerdict {
  const signs = new Set<DriftSign>();
  const deviations: Record<string, number> = {};
  for (const name of FEATURE_NAMES) {
    const { mean = 0, squares = 0 } = state.features[name] ?? {};
    const spread = Math.max(LEAST_DEVIATION, Math.sqrt(squares / Math.max(1, state.referenceSummaries - 1)));
    const off = Math.abs(batch.features[name] - mean) / spread;
    const sum = Math.max(0, (state.deviations[name] ?? 0) + off - limits.toleratedDeviations);
    deviations[name] = sum;
    if (sum > limits.deviationSum) signs.add("features");
  }
  const recent = lastInputs(
    [...state.recent, { count: batch.count, intensities: batch.intensities }],
    limits.recentInputs,
  );
  if (sumOf(recent.map(({ count }) => count)) >= limits.recentInputs) {
    const spread = state.intensities.map((_, bin) => sumOf(recent.map(({ intensities }) => intensities[bin] ?? 0)));
    if (populationStability(state.intensities, spread) > limits.populationStability) signs.add("intensities");
  }
  const { entropy, hasRisen } = watchEntropy(state, batch, limits);
  if (hasRisen) signs.add("entropy");
  return { state: { ...state, deviations, recent, entropy }, signs: [...signs] };
}

function watchEntropy(
  state: DriftState,
  { predictionEntropy }: InputSummary,
  { toleratedEntropy, entropyRise }: DriftLimits,
): { readonly entropy: PageHinkley; readonly hasRisen: boolean } {
  if (predictionEntropy === undefined || state.entropyCount === 0) return { entropy: state.entropy, hasRisen: false };
  // The reference stands for as many observations as it had, so that the first drifted batch cannot be the mean.
  const before =
    state.entropy.count > 0
      ? state.entropy
      : { ...PAGE_HINKLEY_START, count: state.referenceSummaries, mean: state.entropySum / state.entropyCount };
  const { state: entropy, hasRisen } = pageHinkley(before, predictionEntropy, {
    tolerance: toleratedEntropy,
    threshold: entropyRise,
  });
  return { entropy, hasRisen };
}

/** The newest batches that together hold enough inputs. */
function lastInputs<T extends { readonly count: number }>(batches: readonly T[], enough: number): readonly T[] {
  let count = 0;
  for (let first = batches.length - 1; first >= 0; first--) {
    count += (batches[first] as T).count;
    if (count >= enough) return batches.slice(first);
  }
  return batches;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
