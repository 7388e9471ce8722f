import { MpoError } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { softmaxRows } from "../../adaptation/probabilities.ts";
import type { ModelGraph, ModelWeights } from "../../model/model-graph.ts";
import { headOf } from "../../model/model-head.ts";

/** Share of features that each run drops (AETTA has 0.2 to 0.4, by data set). */
const DROPPED = 0.3;

/** Predictions `[count][classes]`. */
export type Predictions = readonly Float64Array[];

/** What the classifier of a model reads, in inference mode: `[count, width]`, row-major. */
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
 * Predictions of a model under several dropout masks on the features that its classifier reads: only that layer
 * runs again, so they cost next to nothing. Seeded: the same masks each time, so that two readings differ by the weights
 * alone. Throws `unsupported` for a model without a classifier.
 */
export function headDropout(
  graph: ModelGraph,
  weights: ModelWeights,
  { features, count }: HeadFeatures,
  options: { readonly runs: number; readonly seed: number },
): readonly Predictions[] {
  const { classifier, classes } = headOf(graph);
  const kernel = weights.get(`${classifier}/kernel`);
  if (kernel === undefined) {
    throw new MpoError("unsupported", `${graph.name} has no classifier whose features could be dropped`);
  }
  const bias = weights.get(`${classifier}/bias`);
  const width = features.length / count;
  const outputs = kernel.length / width;
  /** Of two classes by one output the first has the logit 0. */
  const first = classes - outputs;
  const random = createRandom(options.seed);
  return Array.from({ length: options.runs }, () => {
    const logits = new Float32Array(count * classes);
    for (let row = 0; row < count; row++) {
      for (let column = 0; column < width; column++) {
        const isDropped = random.uniform() < DROPPED;
        const feature = features[row * width + column]! / (1 - DROPPED);
        if (isDropped || feature === 0) continue;
        for (let output = 0; output < outputs; output++) {
          const at = row * classes + first + output;
          logits[at]! += feature * kernel[column * outputs + output]!;
        }
      }
      for (let output = 0; output < outputs && bias !== undefined; output++) {
        logits[row * classes + first + output]! += bias[output]!;
      }
    }
    return predictionsOf(logits, count);
  });
}
