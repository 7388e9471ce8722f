import type { Samples } from "../training/batches.ts";
import { accuracyOf } from "./evaluate.ts";
import { informationOf, meanPredictionEntropy, softmaxRows } from "./probabilities.ts";

/** Whether retrained weights may replace the old ones, and why. */
export interface Judgement {
  readonly isAccepted: boolean;
  readonly reason: string;
  /** Shares from 0 to 1; undefined without labels. */
  readonly accuracyBefore: number | undefined;
  readonly accuracyAfter: number | undefined;
}

/** Share of the diversity before that predictions must keep where there are no labels. */
const LEAST_DIVERSITY_KEPT = 0.7;

/**
 * Compares a model's logits `[count, classes]` before and after a retraining on the same samples. With labels: the
 * accuracy must not be lower. Without: the predictions must still name nearly as many classes together as before.
 */
export function judge(
  before: Float32Array,
  after: Float32Array,
  { labels, count }: Omit<Samples, "images">,
): Judgement {
  if (after.some((logit) => !Number.isFinite(logit))) {
    const accuracyBefore = labels === undefined ? undefined : accuracyOf(before, labels);
    const reason = "the retrained model's outputs are not numbers";
    return { isAccepted: false, reason, accuracyBefore, accuracyAfter: undefined };
  }
  if (labels !== undefined) {
    const accuracyBefore = accuracyOf(before, labels);
    const accuracyAfter = accuracyOf(after, labels);
    const isAccepted = accuracyAfter >= accuracyBefore;
    const change = `accuracy ${percent(accuracyBefore)} before, ${percent(accuracyAfter)} after`;
    return { isAccepted, reason: isAccepted ? change : `worse: ${change}`, accuracyBefore, accuracyAfter };
  }
  const diversityBefore = meanPredictionEntropy(softmaxRows(before, count), count);
  const diversityAfter = meanPredictionEntropy(softmaxRows(after, count), count);
  const isAccepted = diversityAfter >= LEAST_DIVERSITY_KEPT * diversityBefore;
  // As a number of classes, which people can picture: so many, equally frequent, have this entropy.
  const [first, now] = [diversityBefore, diversityAfter].map((entropy) => Math.exp(entropy).toFixed(1));
  const change = `its answers spread over ${now} classes, before over ${first}`;
  const reason = isAccepted ? change : `collapsed to few classes: ${change}`;
  return { isAccepted, reason, accuracyBefore: undefined, accuracyAfter: undefined };
}

/**
 * Whether weights that were learned elsewhere are a better start than a model's own, by logits of both on the same samples:
 * more of them right; without labels, predictions that are surer and as diverse (SHOT's objective, Liang et al. 2020).
 */
export function isBetterStart(
  own: Float32Array,
  other: Float32Array,
  { labels, count }: Omit<Samples, "images">,
): boolean {
  if (other.some((logit) => !Number.isFinite(logit))) return false;
  if (labels !== undefined) return accuracyOf(other, labels) > accuracyOf(own, labels);
  return informationOf(softmaxRows(other, count), count) > informationOf(softmaxRows(own, count), count);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
