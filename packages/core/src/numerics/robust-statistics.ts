/** Arithmetic mean; NaN for none. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Middle of the values (mean of the two middle ones); NaN for none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Linear interpolation between order statistics; `share` from 0 to 1; NaN for no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  if (sorted.length === 0) return Number.NaN;
  const position = Math.min(1, Math.max(0, share)) * (sorted.length - 1);
  const below = Math.floor(position);
  const lower = sorted[below]!;
  const upper = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return lower + (upper - lower) * (position - below);
}

/** Median distance from the median, as a share of it: the spread that an outlier does not move. 0 for one value. */
export function relativeSpread(values: readonly number[]): number {
  const middle = median(values);
  if (!(middle > 0)) return 0;
  return median(values.map((value) => Math.abs(value - middle))) / middle;
}

/** A share of the median below which a distance never counts as an outlier: timers and schedulers are no finer. */
const OUTLIER_FLOOR = 0.05;
/** Distance in median absolute deviations: 3 standard deviations of a normal distribution. */
const OUTLIER_DEVIATIONS = 3 / 0.6745;

/**
 * Which of the repeats of one measurement are outliers (a busy machine): further above the median than three standard
 * deviations of the rest, and than 5 %. Fewer than three repeats show none. Returns positions.
 */
export function outliers(values: readonly number[]): readonly number[] {
  if (values.length < 3) return [];
  const middle = median(values);
  const deviation = median(values.map((value) => Math.abs(value - middle)));
  const limit = Math.max(OUTLIER_DEVIATIONS * deviation, OUTLIER_FLOOR * Math.abs(middle));
  return values.flatMap((value, index) => (Math.abs(value - middle) > limit ? [index] : []));
}

/** The repeats that are not outliers. */
export function ordinary(values: readonly number[]): readonly number[] {
  const excluded = new Set(outliers(values));
  return values.filter((_, index) => !excluded.has(index));
}

/** Median of the repeats that are not outliers. */
export function typical(values: readonly number[]): number {
  return median(ordinary(values));
}
