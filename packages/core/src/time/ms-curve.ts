/** A time at every micro-batch: straight between the micro-batches that it is known at, and on beyond the last two. */
export interface MsCurve {
  /** Rising; curves that are added have the same. */
  readonly microBatches: readonly number[];
  /** Milliseconds at each. */
  readonly ms: readonly number[];
}

export function msAt({ microBatches, ms }: MsCurve, microBatch: number): number {
  const last = microBatches.length - 1;
  if (last === 0) return ms[0]!;
  let right = 1;
  while (right < last && microBatches[right]! < microBatch) right += 1;
  const from = microBatches[right - 1]!;
  const share = (microBatch - from) / (microBatches[right]! - from);
  const left = ms[right - 1]!;
  return Math.max(0, left + share * (ms[right]! - left));
}
