import { MpoError } from "./mpo-error.ts";
import { quantile } from "./robust-statistics.ts";

/** Class probabilities of one sample; they sum to 1. */
export type Probabilities = ArrayLike<number>;

/** Largest probability. */
export function confidence(probabilities: Probabilities): number {
  let largest = 0;
  for (let index = 0; index < probabilities.length; index++)
    largest = Math.max(largest, probabilities[index] as number);
  return largest;
}

/** Shannon entropy in nats. */
export function entropy(probabilities: Probabilities): number {
  let sum = 0;
  for (let index = 0; index < probabilities.length; index++) {
    const share = probabilities[index] as number;
    if (share > 0) sum -= share * Math.log(share);
  }
  return sum;
}

/** Mean prediction over samples. Throws `invalid-argument` for none. */
export function meanPrediction(batch: readonly Probabilities[]): readonly number[] {
  const first = batch[0];
  if (first === undefined) throw new MpoError("invalid-argument", "no predictions to judge");
  const mean = new Array<number>(first.length).fill(0);
  for (const probabilities of batch) {
    for (let index = 0; index < mean.length; index++) {
      mean[index] = (mean[index] as number) + (probabilities[index] as number) / batch.length;
    }
  }
  return mean;
}

/**
 * Threshold of "average thresholded confidence" (Garg et al. 2022, arXiv 2201.04234): on source data, the share of
 * samples surer than the threshold equals the accuracy. Computed once, where labels were.
 */
export function atcThreshold(sourceConfidences: readonly number[], sourceAccuracy: number): number {
  if (sourceConfidences.length === 0)
    throw new MpoError("invalid-argument", "no source confidences to set a threshold");
  return quantile(sourceConfidences, 1 - sourceAccuracy);
}

/** Accuracy that ATC predicts: the share of samples surer than the threshold. */
export function atcAccuracy(confidences: readonly number[], threshold: number): number {
  if (confidences.length === 0) throw new MpoError("invalid-argument", "no confidences to judge");
  return confidences.filter((value) => value > threshold).length / confidences.length;
}

/** Exponent of the entropy term, and weight of the newest estimate (AETTA, learner/dnn.py). */
const AETTA_POWER = 3;
const AETTA_NEWEST = 0.4;

/**
 * Accuracy without labels during adaptation (AETTA, Lee et al. 2024): how often predictions under dropout disagree with
 * the plain one, made larger when the mean prediction has little entropy, which is how a collapse to few classes shows.
 * `dropout[k][i]` is sample i under the k-th dropout mask. Between 1/classes and 1.
 */
export function aettaAccuracy(plain: readonly Probabilities[], dropout: readonly (readonly Probabilities[])[]): number {
  const classes = plain[0]?.length ?? 0;
  if (classes < 2 || dropout.length === 0) {
    throw new MpoError("invalid-argument", "an estimate needs predictions of two classes or more, and dropout runs");
  }
  const labels = plain.map(largestIndex);
  let disagreements = 0;
  for (const run of dropout) {
    run.forEach((probabilities, sample) => {
      if (largestIndex(probabilities) !== labels[sample]) disagreements += 1;
    });
  }
  const rate = disagreements / (dropout.length * plain.length);
  const mean = meanPrediction(dropout.flat());
  const diversity = (entropy(mean) / Math.log(classes)) ** AETTA_POWER;
  const error = Math.min(1 - 1 / classes, diversity > 0 ? rate / diversity : rate > 0 ? Number.POSITIVE_INFINITY : 1);
  return 1 - error;
}

/** Moving average of estimates, as AETTA keeps it; `previous` undefined: the first. */
export function smoothedEstimate(previous: number | undefined, newest: number): number {
  return previous === undefined ? newest : (1 - AETTA_NEWEST) * previous + AETTA_NEWEST * newest;
}

function largestIndex(probabilities: Probabilities): number {
  let best = 0;
  for (let index = 1; index < probabilities.length; index++) {
    if ((probabilities[index] as number) > (probabilities[best] as number)) best = index;
  }
  return best;
}
