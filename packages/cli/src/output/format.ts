import { type AccuracyJudge, formatInterval, formatShare, judgedInterval } from "@mpo/core";

interface Judged {
  readonly accuracyAfter?: number | undefined;
  readonly judgement?: AccuracyJudge | undefined;
  readonly judgedSamples?: number | undefined;
}

/** A judged accuracy: by labels as it is, without labels as an estimate with its interval. */
export function formatJudged(accuracy: number, judged: Judged): string {
  if (judged.judgement !== "label-free") return formatShare(accuracy);
  const { accuracyInterval } = accuracyIntervalOf({ ...judged, accuracyAfter: accuracy });
  if (accuracyInterval === undefined) return `about ${formatShare(accuracy)}`;
  return `about ${formatShare(accuracy)} (${formatInterval(accuracyInterval.lower, accuracyInterval.upper)})`;
}

/** The interval of the accuracy after, as tables show it, for a record; nothing where it was not estimated. */
export function accuracyIntervalOf({ accuracyAfter, judgement, judgedSamples }: Judged): {
  readonly accuracyInterval?: { readonly lower: number; readonly upper: number };
} {
  if (accuracyAfter === undefined || judgement !== "label-free" || judgedSamples === undefined) return {};
  return { accuracyInterval: judgedInterval(accuracyAfter, judgement, judgedSamples) };
}
