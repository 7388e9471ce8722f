import { distanceToInputs } from "../model/check-input.ts";
import type { ModelWeights } from "../model/model-graph.ts";
import type { Retraining } from "./retrain-context.ts";

/** What serves has to be nearer by this factor: what was learned of a drift that is merely like another one does harm. */
const NEARER = 2;

/**
 * What a retraining is held against, and what serves where nothing is learned: the source, or what serves now where the first
 * normalisation of that has seen images clearly more like these. Else it was adapted to another drift, which predictions do not show:
 * in a window of few classes, those of a model that is wrong tell more classes apart. With labels, what serves now.
 */
export function baseWeights({ model, source, samples, judgedOn = samples }: Retraining): ModelWeights {
  if (source === undefined || judgedOn.labels !== undefined) return model.weights;
  const distanceOf = (weights: ModelWeights): number => distanceToInputs({ graph: model.graph, weights }, samples) ?? 0;
  return distanceOf(source) < NEARER * distanceOf(model.weights) ? source : model.weights;
}
