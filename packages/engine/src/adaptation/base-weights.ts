import { distanceToInputs } from "../model/check-input.ts";
import type { ModelWeights } from "../model/model-graph.ts";
import type { Retraining } from "./retrain-context.ts";

/**
 * What a retraining is held against, and what serves where nothing is learned: what serves now, or the source where the first
 * normalisation has seen images more like these there. Then what serves was adapted to another drift, and predictions do not say so:
 * in a window of few classes those of a model that is wrong tell more classes apart. With labels, what serves now.
 */
export function baseWeights({ model, source, samples, judgedOn = samples }: Retraining): ModelWeights {
  if (source === undefined || judgedOn.labels !== undefined) return model.weights;
  const distanceOf = (weights: ModelWeights): number => distanceToInputs({ graph: model.graph, weights }, samples) ?? 0;
  return distanceOf(source) < distanceOf(model.weights) ? source : model.weights;
}
