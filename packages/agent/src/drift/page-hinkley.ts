/** State of a Page-Hinkley test for a rise of a mean. */
export interface PageHinkley {
  readonly count: number;
  readonly mean: number;
  /** Sum of deviations from the mean, less the tolerance. */
  readonly sum: number;
  readonly leastSum: number;
}

export const PAGE_HINKLEY_START: PageHinkley = { count: 0, mean: 0, sum: 0, leastSum: 0 };

/** What counts as a rise, in units of the observed number. */
export interface PageHinkleyLimits {
  /** Deviations smaller than this are no rise. */
  readonly tolerance: number;
  /** The rise that is reported, summed over observations. */
  readonly threshold: number;
}

/** One more observation. Source: Page 1954; the form used for data streams (Gama et al. 2014, section 3.2). */
export function pageHinkley(
  state: PageHinkley,
  value: number,
  limits: PageHinkleyLimits,
): { readonly state: PageHinkley; readonly hasRisen: boolean } {
  const count = state.count + 1;
  const mean = state.mean + (value - state.mean) / count;
  const sum = state.sum + value - mean - limits.tolerance;
  const leastSum = Math.min(state.leastSum, sum);
  return { state: { count, mean, sum, leastSum }, hasRisen: sum - leastSum > limits.threshold };
}
