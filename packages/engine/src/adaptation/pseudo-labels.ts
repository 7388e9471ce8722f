import { MpoError } from "@mpo/core";
import { softmaxRows } from "./probabilities.ts";

/** Rounds of assigning samples and moving centroids after the first (SHOT's code: 1). */
const REFINEMENTS = 1;

/**
 * Labels for samples without any, by the nearest class centroid in feature space (SHOT, Liang et al. 2020, section 3.3):
 * centroids weighted by the predictions, cosine distance, then once more with the samples that each class got.
 * `features` is `[count, width]`, `logits` `[count, classes]`. A class that no sample is nearest to gets none in the
 * next round. Throws `invalid-argument` when sizes do not fit.
 */
export function pseudoLabels(features: Float32Array, logits: Float32Array, count: number): Int32Array {
  const width = features.length / count;
  const classes = logits.length / count;
  if (count < 1 || !Number.isInteger(width) || !Number.isInteger(classes)) {
    const sizes = `${features.length} features and ${logits.length} logits`;
    throw new MpoError("invalid-argument", `pseudo-labels: ${sizes} are not whole rows for ${count} samples`);
  }
  const normalised = withBiasNormalised(features, count, width);
  let weights = softmaxRows(logits, count);
  let labels: Int32Array = new Int32Array(count);
  for (let round = 0; round <= REFINEMENTS; round++) {
    labels = nearestCentroids(normalised, weights, count, classes);
    weights = new Float64Array(count * classes);
    labels.forEach((label, row) => {
      weights[row * classes + label] = 1;
    });
  }
  return labels;
}

/** Rows `[feature..., 1]` of length 1. */
function withBiasNormalised(features: Float32Array, count: number, width: number): Float64Array {
  const rows = new Float64Array(count * (width + 1));
  for (let row = 0; row < count; row++) {
    let squares = 1;
    for (let column = 0; column < width; column++) squares += features[row * width + column]! ** 2;
    const scale = 1 / Math.sqrt(squares);
    const start = row * (width + 1);
    for (let column = 0; column < width; column++) {
      rows[start + column] = features[row * width + column]! * scale;
    }
    rows[start + width] = scale;
  }
  return rows;
}

/** Class of the centroid with the largest cosine to each row (rows have length 1). */
function nearestCentroids(rows: Float64Array, weights: Float64Array, count: number, classes: number): Int32Array {
  const width = rows.length / count;
  const centroids = new Float64Array(classes * width);
  const totals = new Float64Array(classes);
  for (let row = 0; row < count; row++) {
    for (let label = 0; label < classes; label++) {
      const weight = weights[row * classes + label]!;
      if (weight === 0) continue;
      totals[label]! += weight;
      for (let column = 0; column < width; column++) {
        const at = label * width + column;
        centroids[at]! += weight * rows[row * width + column]!;
      }
    }
  }
  const lengths = Array.from({ length: classes }, (_, label) =>
    Math.hypot(...centroids.subarray(label * width, (label + 1) * width)),
  );
  return Int32Array.from({ length: count }, (_, row) => {
    let best = 0;
    let bestCosine = Number.NEGATIVE_INFINITY;
    for (let label = 0; label < classes; label++) {
      const length = lengths[label]!;
      if (totals[label] === 0 || length === 0) continue;
      let product = 0;
      for (let column = 0; column < width; column++) {
        product += centroids[label * width + column]! * rows[row * width + column]!;
      }
      if (product / length > bestCosine) {
        bestCosine = product / length;
        best = label;
      }
    }
    return best;
  });
}
