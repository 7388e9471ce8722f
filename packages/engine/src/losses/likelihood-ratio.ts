import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { cosineToLatest, entropyOf, type LossInputs, type LossTensors, maskOf } from "./loss-parts.ts";

/** Probabilities beyond this count as this, and have no slope: the ratio would grow without end. */
const CLIPPED = 0.99;
/** Keeps the logarithm of a ratio finite. */
const SMALLEST_RATIO = 1e-5;
/** How sharply weights tell samples apart (section 3.2 of the paper). */
const TEMPERATURE = 1 / 3;
/** Where all samples of a micro-batch are alike, their weights are. */
const SMALLEST_SPREAD = 1e-6;

/**
 * Soft likelihood ratio, -sum of p log(p / (1 - p)), of each sample, weighted by how sure it is times how unlike the latest;
 * the half that is most like them is left out. Weights have no gradient, and are scaled to those of the micro-batch.
 * From Marsden, Döbler and Yang, Universal Test-time Adaptation (2024), section 3; without its loss of augmented images,
 * which needs a second pass.
 */
export function weightedLikelihoodRatio(
  emit: GraphEmitter,
  { logits, sampleWeight, meanPrediction }: LossInputs,
): LossTensors {
  const { probabilities, perSample: entropy } = entropyOf(emit, logits);
  const { ratio, slope } = likelihoodRatio(emit, probabilities);
  const unlike = scaled(emit, emit.float32("Neg", cosineToLatest(emit, probabilities, meanPrediction)));
  const sure = scaled(emit, emit.float32("Neg", entropy));
  const isUnlike = emit.float32("GreaterEqual", unlike, emit.mean(unlike, [0], true));
  const counts = maskOf(emit, isUnlike);
  const sharpened = emit.float32("Mul", emit.float32("Mul", unlike, sure), emit.float(1 / TEMPERATURE));
  const weight = emit.float32("Mul", emit.float32("Mul", counts, emit.float32("Exp", sharpened)), sampleWeight);
  const loss = emit.sum(emit.float32("Mul", ratio, weight), [0, 1], false);
  return { loss, gradient: emit.float32("Mul", slope, weight) };
}

/** The ratio of each sample, `[b, 1]`, and its slope by the logits, `[b, classes]`. */
function likelihoodRatio(emit: GraphEmitter, probabilities: string): Readonly<Record<"ratio" | "slope", string>> {
  const clipped = emit.float32("Minimum", probabilities, emit.float(CLIPPED));
  const rest = emit.float32("Sub", emit.float(1), clipped);
  const odds = emit.float32("AddV2", emit.float32("RealDiv", clipped, rest), emit.float(SMALLEST_RATIO));
  const logOdds = emit.float32("Log", odds);
  const ratio = emit.float32("Neg", emit.sum(emit.float32("Mul", clipped, logOdds), [1], true));
  // d(q log(q / (1 - q) + e)) / dq = log(..) + q / (1 - q)^2 / (q / (1 - q) + e)
  const steep = emit.float32("RealDiv", clipped, emit.float32("Mul", emit.float32("Square", rest), odds));
  const isBelow = emit.float32("LessEqual", probabilities, emit.float(CLIPPED));
  const moves = maskOf(emit, isBelow);
  const byProbability = emit.float32("Mul", emit.float32("AddV2", logOdds, steep), moves);
  const mean = emit.sum(emit.float32("Mul", probabilities, byProbability), [1], true);
  return { ratio, slope: emit.float32("Mul", probabilities, emit.float32("Sub", mean, byProbability)) };
}

/** Values `[b, 1]` as shares of the way from the smallest to the largest. */
function scaled(emit: GraphEmitter, values: string): string {
  const least = emit.least(values, [0], true);
  const spread = emit.float32("Sub", emit.most(values, [0], true), least);
  const divisor = emit.float32("Maximum", spread, emit.float(SMALLEST_SPREAD));
  return emit.float32("RealDiv", emit.float32("Sub", values, least), divisor);
}
