/** Share below which a bin counts as this much, so that an empty one has a finite weight. */
const LEAST_SHARE = 1e-3;

/**
 * Population stability index of two histograms over the same bins: the sum of (q - p) ln(q / p) over shares. It is the
 * symmetric Kullback-Leibler divergence; below 0.1 nothing has changed, above 0.25 much has (Siddiqi 2006).
 */
export function populationStability(reference: readonly number[], recent: readonly number[]): number {
  const [p, q] = [shares(reference), shares(recent)];
  return p.reduce((sum, share, bin) => {
    const other = q[bin] ?? LEAST_SHARE;
    return sum + (other - share) * Math.log(other / share);
  }, 0);
}

function shares(histogram: readonly number[]): readonly number[] {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  return histogram.map((count) => Math.max(LEAST_SHARE, total === 0 ? 0 : count / total));
}
