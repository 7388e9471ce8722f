import { atcAccuracy, atcThreshold, confidence } from "@mpo/core";
import {
  accuracyOf,
  type EngineWorker,
  evaluateLogits,
  type Model,
  type RetrainResult,
  type Samples,
} from "@mpo/engine";
import type { InputShape } from "../serving/read-inputs.ts";
import { readReferenceInputs } from "./reference-inputs.ts";

/** Estimated accuracy on the drifted inputs, 0 to 1. */
export interface LabelFreeEstimate {
  readonly before: number;
  readonly after: number;
}

/** What the estimate is made from. The worker holds the retrained model. */
export interface EstimateInput {
  readonly worker: EngineWorker;
  readonly model: Model;
  readonly result: RetrainResult;
  readonly judgedOn: Samples;
  readonly sourceFolder: string;
  readonly shape: InputShape;
  readonly signal: AbortSignal;
}

/**
 * Accuracy without labels of the drifted inputs, by average thresholded confidence (Garg et al. 2022). The threshold is
 * set on labelled reference inputs anew for each of the two models: an adaptation that lowers entropy makes a model surer
 * everywhere, and a threshold set before it would count that as accuracy. Undefined with labels, or without reference.
 */
export async function labelFreeEstimate(input: EstimateInput): Promise<LabelFreeEstimate | undefined> {
  const { worker, model, result, judgedOn, sourceFolder, shape, signal } = input;
  if (judgedOn.labels !== undefined) return undefined;
  const reference = await readReferenceInputs(sourceFolder, shape);
  if (reference === undefined) return undefined;
  const estimate = async (weights: Model["weights"]): Promise<number> => {
    await worker.assignWeights(weights, { signal });
    const source = await evaluateLogits(worker, reference, { signal });
    const drifted = await evaluateLogits(worker, judgedOn, { signal });
    const threshold = atcThreshold(confidences(source, reference.count), accuracyOf(source, reference.labels));
    return atcAccuracy(confidences(drifted, judgedOn.count), threshold);
  };
  const before = await estimate(model.weights);
  return { before, after: result.isAccepted ? await estimate(result.weights) : before };
}

/** Largest softmax probability of each row. */
function confidences(logits: Float32Array, count: number): readonly number[] {
  const classes = logits.length / count;
  return Array.from({ length: count }, (_, row) => {
    const values = logits.subarray(row * classes, (row + 1) * classes);
    const largest = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const powers = values.map((value) => Math.exp(value - largest));
    const sum = powers.reduce((total, value) => total + value, 0);
    return confidence(powers.map((value) => value / sum));
  });
}
