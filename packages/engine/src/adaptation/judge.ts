import type { Samples } from "../training/batches.ts";
import { accuracyOf } from "./evaluate.ts";
import { informationOf, softmaxRows } from "./probabilities.ts";

/** How much of what was retrained is to serve, and why. */
export interface Judgement {
  /** Whether anything of it is. */
  readonly isAccepted: boolean;
  /** Part of the way from the old weights to the retrained ones, 0 to 1. */
  readonly share: number;
  readonly reason: string;
  /** Shares from 0 to 1; undefined without labels. */
  readonly accuracyBefore: number | undefined;
  readonly accuracyAfter: number | undefined;
}

/** Logits `[count, classes]` of the weights so far along the way to the retrained ones. */
export interface Candidate {
  readonly share: number;
  readonly logits: Float32Array;
}

/**
 * Of the most information, the share that is as good: statistics and entropies that were fitted to few classes look surer
 * than they are. At 10 classes that is about 0.05 nats.
 */
const AS_INFORMED = 0.97;

/**
 * Chooses between a model's logits before a retraining, and those of candidates, on the same samples. With labels: the most
 * accurate candidate, where it is not worse than before. Without: of those whose predictions say the most of the samples, or
 * nearly, the one that is nearest to what was before; none where that says clearly more than any.
 */
export function judge(
  before: Float32Array,
  candidates: readonly Candidate[],
  samples: Omit<Samples, "images">,
): Judgement {
  const { labels } = samples;
  const sound = candidates.filter(({ logits }) => logits.every((logit) => Number.isFinite(logit)));
  if (sound.length > 0) return labels ? judgeByLabels(before, sound, labels) : judgeUnlabelled(before, sound, samples);
  const accuracyBefore = labels && accuracyOf(before, labels);
  const reason = "the retrained model's outputs are not numbers";
  return { isAccepted: false, share: 0, reason, accuracyBefore, accuracyAfter: undefined };
}

function judgeByLabels(before: Float32Array, candidates: readonly Candidate[], labels: Int32Array): Judgement {
  const accuracyBefore = accuracyOf(before, labels);
  const best = largest(candidates.map(({ share, logits }) => ({ share, value: accuracyOf(logits, labels) })));
  const isAccepted = best.value >= accuracyBefore;
  const change = `accuracy ${percent(accuracyBefore)} before, ${percent(best.value)} after`;
  const share = isAccepted ? best.share : 0;
  const reason = isAccepted ? `${change}${partWords(share)}` : `worse: ${change}`;
  return { isAccepted, share, reason, accuracyBefore, accuracyAfter: best.value };
}

function judgeUnlabelled(
  before: Float32Array,
  candidates: readonly Candidate[],
  { count }: Omit<Samples, "images">,
): Judgement {
  const old = informationIn(before, count);
  const measured = candidates.map(({ share, logits }) => ({ share, value: informationIn(logits, count) }));
  const best = largest(measured);
  const enough = AS_INFORMED * Math.max(old, best.value);
  const [nearest] = measured.filter(({ value }) => value >= enough).sort((left, right) => left.share - right.share);
  // As a number of classes, which people can picture: so many, equally frequent and surely told apart, say as much.
  const classes = (value: number): string => Math.exp(value).toFixed(1);
  const { share, value } = nearest ?? { share: 0, value: best.value };
  const change = `its answers tell ${classes(value)} classes apart, before ${classes(old)}`;
  const isAccepted = nearest !== undefined;
  const reason = isAccepted ? `${change}${partWords(share)}` : `worse: ${change}`;
  return { isAccepted, share, reason, accuracyBefore: undefined, accuracyAfter: undefined };
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
  return informationIn(other, count) > informationIn(own, count);
}

function informationIn(logits: Float32Array, count: number): number {
  return informationOf(softmaxRows(logits, count), count);
}

interface Measured {
  readonly share: number;
  readonly value: number;
}

/** The one with the largest value; of several, the first. */
function largest(measured: readonly Measured[]): Measured {
  return measured.reduce((best, other) => (other.value > best.value ? other : best));
}

function partWords(share: number): string {
  return share < 1 ? ` (${percent(share)} of the change)` : "";
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
