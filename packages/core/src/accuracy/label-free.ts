import { MpoError } from "../facts/index.ts";
import { mean } from "../numerics/index.ts";

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
  const sum = new Array<number>(first.length).fill(0);
  for (const probabilities of batch) {
    for (let index = 0; index < sum.length; index++) sum[index]! += probabilities[index]!;
  }
  return sum.map((total) => total / batch.length);
}

/** How much a collapse to few classes counts. */
const DIVERSITY_POWER = 2;

/**
 * Accuracy without labels during adaptation, after AETTA (Lee et al. 2024): the probability that dropout leaves to the class
 * which the plain prediction names. What is missing counts for more when the mean prediction has little entropy, which is
 * how a collapse to few classes shows. AETTA counts changes of class; but a wrong class often stays the largest, and after
 * a window in fog a third of the errors went unseen. `dropout[k][i]` is sample i under the k-th dropout mask. Between
 * 1/classes and 1.
 */
export function labelFreeAccuracy(
  plain: readonly Probabilities[],
  dropout: readonly (readonly Probabilities[])[],
): number {
  const classes = plain[0]?.length ?? 0;
  if (classes < 2 || dropout.length === 0) {
    throw new MpoError("invalid-argument", "an estimate needs predictions of two or more classes, and dropout runs");
  }
  const labels = plain.map(largestIndex);
  const left = dropout.map((run) => mean(run.map((probabilities, sample) => probabilities[labels[sample]!]!)));
  const rate = 1 - mean(left);
  const diversity = (entropy(meanPrediction(dropout.flat())) / Math.log(classes)) ** DIVERSITY_POWER;
  return Math.max(1 / classes, diversity > 0 ? 1 - rate / diversity : 0);
}

function largestIndex(probabilities: Probabilities): number {
  let best = 0;
  for (let index = 1; index < probabilities.length; index++) {
    if (probabilities[index]! > probabilities[best]!) best = index;
  }
  return best;
}
