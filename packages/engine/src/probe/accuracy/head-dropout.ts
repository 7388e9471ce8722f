import { MpoError } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { softmaxRows } from "../../adaptation/probabilities.ts";
import type { ModelGraph, ModelWeights } from "../../model/model-graph.ts";

/** Share of features that each run drops (AETTA's setting for ten classes). */
const DROPPED = 0.4;

/** Predictions `[count][classes]`. */
export type Predictions = readonly Float64Array[];

/** What the last dense layer of a model reads, in inference mode: `[count, width]`, row-major. */
export interface HeadFeatures {
  readonly features: Float32Array;
  readonly count: number;
}

/** Probabilities by rows of `logits` `[count, classes]`. */
export function predictionsOf(logits: Float32Array, count: number): Predictions {
  const probabilities = softmaxRows(logits, count);
  const classes = probabilities.length / count;
  return Array.from({ length: count }, (_, row) => probabilities.subarray(row * classes, (row + 1) * classes));
}

/**
 * Predictions of a model under several dropout masks on the features that its last dense layer reads: only that layer
 * runs again, so they cost next to nothing. Seeded: the same masks each time, so that two readings differ by the weights
 * alone. Throws `unsupported` for a model without a dense layer.
 */
export function headDropout(
  graph: ModelGraph,
  weights: ModelWeights,
  { features, count }: HeadFeatures,
  options: { readonly runs: number; readonly seed: number },
): readonly Predictions[] {
  const head = graph.nodes.findLast(({ kind }) => kind === "dense");
  const kernel = head === undefined ? undefined : weights.get(`${head.name}/kernel`);
  if (head === undefined || kernel === undefined) {
    throw new MpoError("unsupported", `${graph.name} has no dense layer whose features could be dropped`);
  }
  const bias = weights.get(`${head.name}/bias`);
  const width = features.length / count;
  const classes = kernel.length / width;
  const random = createRandom(options.seed);
  return Array.from({ length: options.runs }, () => {
    const logits = new Float32Array(count * classes);
    for (let row = 0; row < count; row++) {
      for (let column = 0; column < width; column++) {
        const isDropped = random.uniform() < DROPPED;
        const feature = features[row * width + column]! / (1 - DROPPED);
        if (isDropped || feature === 0) continue;
        for (let label = 0; label < classes; label++) {
          const at = row * classes + label;
          logits[at]! += feature * kernel[column * classes + label]!;
        }
      }
      for (let label = 0; label < classes && bias !== undefined; label++) {
        logits[row * classes + label]! += bias[label]!;
      }
    }
    return predictionsOf(logits, count);
  });
}
