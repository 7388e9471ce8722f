import { entropy } from "@mpo/core";

/** Softmax of each of `count` rows of logits. */
export function softmaxRows(logits: Float32Array, count: number): Float64Array {
  const classes = logits.length / count;
  const result = new Float64Array(logits.length);
  for (let row = 0; row < count; row++) {
    const from = row * classes;
    let largest = Number.NEGATIVE_INFINITY;
    for (let at = from; at < from + classes; at++) largest = Math.max(largest, logits[at]!);
    let sum = 0;
    for (let at = from; at < from + classes; at++) {
      const value = Math.exp(logits[at]! - largest);
      result[at] = value;
      sum += value;
    }
    for (let at = from; at < from + classes; at++) result[at] = result[at]! / sum;
  }
  return result;
}

/** Entropy, in nats, of the mean of `count` rows of probabilities: how many classes the predictions name together. */
export function meanPredictionEntropy(probabilities: Float64Array, count: number): number {
  const mean = new Float64Array(probabilities.length / count);
  probabilities.forEach((share, at) => {
    mean[at % mean.length]! += share / count;
  });
  return entropy(mean);
}
