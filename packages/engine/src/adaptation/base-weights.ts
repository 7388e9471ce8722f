import { distanceToInputs } from "../model/check-input.ts";
import type { ModelWeights } from "../model/model-graph.ts";
import type { Retraining } from "./retrain-context.ts";

/** What serves has to be nearer by this factor: what was learned of a drift that is merely like another one does harm. */
const NEARER = 2;

/**
 * The weights that a retraining is compared with, and that serve where nothing is learned: the source's, or those that serve now
 * where their first normalisation has seen images clearly more like these. Otherwise they were adapted to another drift. Predictions
 * do not show that: in a window of few classes, a model that is wrong tells more classes apart. With labels: those that serve now.
 */
export function baseWeights({ model, source, samples, judgedOn = samples }: Retraining): ModelWeights {
  if (source === undefined || judgedOn.labels !== undefined) return model.weights;
  const distanceOf = (weights: ModelWeights): number => distanceToInputs({ graph: model.graph, weights }, samples) ?? 0;
  return distanceOf(source) < NEARER * distanceOf(model.weights) ? source : model.weights;
}
