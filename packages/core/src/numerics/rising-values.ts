/** A value that was estimated, and how far off it may be (one deviation). */
export interface Estimate {
  readonly value: number;
  readonly deviation: number;
}

/** Two values further apart than this are told apart. */
const CLEAR_DEVIATIONS = 2;
/** Of a value that is known. */
const LEAST_VARIANCE = 1e-12;

/**
 * Values that are believed to rise from one to the next. Where they were seen to fall, but not clearly so, they are taken to
 * be equal, by how sure they are (isotonic regression, pool adjacent violators).
 */
export function risingValues(estimates: readonly Estimate[]): readonly number[] {
  const blocks: { value: number; variance: number; count: number }[] = [];
  for (const { value, deviation } of estimates) {
    blocks.push({ value, variance: Math.max(LEAST_VARIANCE, deviation ** 2), count: 1 });
    for (let last = blocks.length - 1; last > 0; last--) {
      const [before, after] = [blocks[last - 1]!, blocks[last]!];
      const fall = before.value - after.value;
      const variance = before.variance + after.variance;
      if (fall <= 0 || fall > CLEAR_DEVIATIONS * Math.sqrt(variance)) break;
      blocks.pop();
      before.value -= (fall * before.variance) / variance;
      before.variance *= after.variance / variance;
      before.count += after.count;
    }
  }
  return blocks.flatMap(({ value, count }) => Array.from({ length: count }, () => value));
}
