import { median, type UnitTimeSample } from "@mpo/core";

/** A smaller micro-batch that takes more than this many times a larger one's time was disturbed. */
const MOST_RATIO = 1.8;

/**
 * Leaves out samples that a busy machine disturbed in ways that repeats cannot detect: going from the largest micro-batch of each
 * unit down, a sample stays if it does not take far longer than the larger one that stayed.
 */
export function consistentTimes(samples: readonly UnitTimeSample[]): readonly UnitTimeSample[] {
  const kept = new Map<number, UnitTimeSample>();
  return [...samples]
    .sort((left, right) => right.microBatch - left.microBatch)
    .filter((sample) => {
      const larger = kept.get(sample.unit);
      const isPlausible =
        larger === undefined ||
        (["forwardMs", "backwardMs"] as const).every((field) => {
          return median(sample[field]) <= MOST_RATIO * median(larger[field]);
        });
      if (isPlausible) kept.set(sample.unit, sample);
      return isPlausible;
    })
    .sort((left, right) => left.unit - right.unit || left.microBatch - right.microBatch);
}
