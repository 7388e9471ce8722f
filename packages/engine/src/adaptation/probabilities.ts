import { entropy } from "@mpo/core";
import type { ModelHead } from "../model/model-head.ts";

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

/** What a model itself gives for `count` rows of logits: probabilities `[count, classes]`, of one class `[count, 1]`, or logits. */
export function outputsOf({ ending }: ModelHead, logits: Float32Array, count: number): Float32Array {
  if (ending === undefined) return logits;
  const probabilities = Float32Array.from(softmaxRows(logits, count));
  return ending === "softmax" ? probabilities : probabilities.filter((_, at) => at % 2 === 1);
}

/** Entropy, in nats, of the mean of `count` rows of probabilities: how many classes the predictions name together. */
export function meanPredictionEntropy(probabilities: Float64Array, count: number): number {
  const mean = new Float64Array(probabilities.length / count);
  probabilities.forEach((share, at) => {
    mean[at % mean.length]! += share / count;
  });
  return entropy(mean);
}

/** What the predictions say of the samples, in nats: entropy of their mean, less their mean entropy. */
export function informationOf(probabilities: Float64Array, count: number): number {
  const classes = probabilities.length / count;
  let sum = 0;
  for (let row = 0; row < count; row++) sum += entropy(probabilities.subarray(row * classes, (row + 1) * classes));
  return meanPredictionEntropy(probabilities, count) - sum / count;
}
