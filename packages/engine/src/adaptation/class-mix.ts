import type { ModelWeights } from "../model/model-graph.ts";
import { graphVariables } from "../model/variables.ts";
import { informationOf, meanPredictionEntropy, softmaxRows } from "./probabilities.ts";
import { evaluationBatch, type RetrainContext, type Trained } from "./retrain-context.ts";
import { ADAPTED, JUDGED } from "./send-samples.ts";

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

/** Samples are of all classes alike where answers name this share of what as many samples of such classes would. */
const EVEN = 0.9;
/** So many samples tell it as well as thousands. */
const ENOUGH_SAMPLES = 512;
const SOME_JUDGED = "some judged";

/**
 * What takes the place of training where the judged samples do not look as a method needs them, to weights `from` that the
 * worker holds: nothing where they seem to be of few classes; their statistics alone where a method wants all classes alike,
 * and they are not. Undefined: train. `before`: logits of what serves. With labels, or without batch normalisation, any will do.
 */
export async function insteadOfTraining(
  context: RetrainContext,
  from: ModelWeights,
  before: Float32Array,
): Promise<Trained | undefined> {
  const { worker, retraining, method, config, call } = context;
  const { model, samples, judgedOn = samples } = retraining;
  if (judgedOn.labels !== undefined || graphVariables(model.graph).every(({ spec }) => spec.trainable))
    return undefined;
  await worker.call("takeStatistics", { samples: ADAPTED, most: ENOUGH_SAMPLES }, call);
  const count = Math.min(judgedOn.count, ENOUGH_SAMPLES);
  await worker.call("sameSamples", { name: SOME_JUDGED, of: JUDGED, count }, call);
  const evaluation = { samples: SOME_JUDGED, batch: evaluationBatch(config), features: false };
  const { logits } = await worker.call("evaluate", evaluation, call);
  const classes = classMixOf(before.subarray(0, logits.length), logits, count);
  if (classes === "few") return { weights: undefined, stopped: "fewClasses" };
  if (classes === "uneven" && method.wantsEvenClasses === true) {
    return { weights: await worker.call("readWeights", {}, call), stopped: "unevenClasses" };
  }
  await worker.assignWeights(from, call);
  return undefined;
}

/**
 * How the classes of samples seem to be mixed, by logits `[count, classes]` of what serves, and of the same weights with
 * normalisation by the samples' own statistics.
 */
export function classMixOf(before: Float32Array, normalised: Float32Array, count: number): "even" | "uneven" | "few" {
  const old = answersOf(before, count);
  const now = answersOf(normalised, count);
  if (now.classes > SPREAD * old.classes && now.unsure > Math.max(SURE, SURER * old.unsure)) return "few";
  const classes = normalised.length / count;
  // Samples that are drawn evenly are never quite even. What their entropy lacks is half a chi-squared value over their count
  // (Miller 1955), which one draw in a hundred exceeds here.
  const freedom = classes - 1;
  const drawnEvenly = classes * Math.exp(-(freedom + 2.5 * Math.sqrt(2 * freedom)) / (2 * count));
  return now.classes < EVEN * drawnEvenly ? "uneven" : "even";
}

/** How many classes answers name together, and which share, 0 to 1, of what that many could tell is unsure. */
function answersOf(logits: Float32Array, count: number) {
  const probabilities = softmaxRows(logits, count);
  const entropy = meanPredictionEntropy(probabilities, count);
  const information = informationOf(probabilities, count);
  return { classes: Math.exp(entropy), unsure: entropy > 0 ? 1 - information / entropy : 0 };
}
