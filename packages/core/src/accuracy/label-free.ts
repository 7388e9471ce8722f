import { MpoError } from "../facts/index.ts";

/** Class probabilities of one sample; they sum to 1. */
export type Probabilities = ArrayLike<number>;

/** Shannon entropy in nats. */
export function entropy(probabilities: Probabilities): number {
  let sum = 0;
  for (let index = 0; index < probabilities.length; index++) {
    const share = probabilities[index]!;
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
      mean[index]! += probabilities[index]! / batch.length;
    }
  }
  return mean;
}

/** Exponent of the entropy term (AETTA, learner/dnn.py). */
const AETTA_POWER = 3;

/**
 * Accuracy without labels during adaptation (AETTA, Lee et al. 2024): how often predictions under dropout disagree with
 * the plain one, made larger when the mean prediction has little entropy, which is how a collapse to few classes shows.
 * `dropout[k][i]` is sample i under the k-th dropout mask. Between 1/classes and 1.
 */
export function aettaAccuracy(plain: readonly Probabilities[], dropout: readonly (readonly Probabilities[])[]): number {
  const classes = plain[0]?.length ?? 0;
  if (classes < 2 || dropout.length === 0) {
    throw new MpoError("invalid-argument", "an estimate needs predictions of two or more classes, and dropout runs");
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

function largestIndex(probabilities: Probabilities): number {
  let best = 0;
  for (let index = 1; index < probabilities.length; index++) {
    if (probabilities[index]! > probabilities[best]!) best = index;
  }
  return best;
}
