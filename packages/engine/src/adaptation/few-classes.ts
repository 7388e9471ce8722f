import type { ModelGraph, ModelWeights } from "../model/model-graph.ts";
import { graphVariables } from "../model/variables.ts";
import { informationOf, meanPredictionEntropy, softmaxRows } from "./probabilities.ts";

// What one place sees in one hour is often of few classes. Batch normalisation by the statistics of such inputs takes the
// differences within a class for differences between classes: answers spread over classes that are not there, however
// surely what served had named the few that are. Nothing else in a model tells this from a drift that has made all answers
// alike: after that, what normalisation by the inputs' own statistics tells apart, it tells apart far more surely.
// Chosen on Fashion-MNIST (ResNet-20-BN, severity 5, seed 1): of 15 corruptions of all classes none is taken for few
// classes, of windows of few classes nearly all are: `mpo bench adaptation --protocol correlated`.

/** Answers that name this many times as many classes as before have spread. */
const SPREAD = 1.25;
/** They are sure all the same where this share at most of what they could tell apart is unsure, */
const SURE = 0.2;
/** or this share of what was unsure before. */
const SURER = 0.7;

/**
 * Whether samples look as if they were of few classes, by logits `[count, classes]` of what serves, and of the same weights
 * with normalisation by the samples' own statistics.
 */
export function areOfFewClasses(before: Float32Array, normalised: Float32Array, count: number): boolean {
  const old = answersOf(before, count);
  const now = answersOf(normalised, count);
  return now.classes > SPREAD * old.classes && now.unsure > Math.max(SURE, SURER * old.unsure);
}

/** Weights with the moving statistics of others of the same graph; undefined: the model has none. */
export function withStatisticsOf(
  graph: ModelGraph,
  weights: ModelWeights,
  others: ModelWeights,
): ModelWeights | undefined {
  const statistics = graphVariables(graph).filter(({ spec }) => !spec.trainable);
  if (statistics.length === 0) return undefined;
  const all = new Map(weights);
  for (const { name } of statistics) {
    const values = others.get(name);
    if (values !== undefined) all.set(name, values);
  }
  return all;
}

/** How many classes answers name together, and which share, 0 to 1, of what that many could tell is unsure. */
function answersOf(logits: Float32Array, count: number) {
  const probabilities = softmaxRows(logits, count);
  const entropy = meanPredictionEntropy(probabilities, count);
  const information = informationOf(probabilities, count);
  return { classes: Math.exp(entropy), unsure: entropy > 0 ? 1 - information / entropy : 0 };
}
