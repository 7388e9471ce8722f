/** A predicted number and the bound that it is believed not to pass. */
export interface Bounded {
  readonly expected: number;
  readonly upper: number;
}

/** Largest share of cases that may lie above an upper bound. */
export const DEFAULT_MISS_RATE = 0.01;

/** With fewer residuals than a bound of the wanted rate needs, the largest is stretched by this. */
const FEW_RESIDUALS_SAFETY = 1.5;

/** Relative error that is always allowed for, whatever the residuals say: a clock tick, a page of memory. */
const LEAST_MARGIN = 0.005;

/**
 * Margin of the bound `prediction * (1 + margin)` from residuals `measured / predicted - 1` of cases that the prediction did not see (leave
 * one out). Split conformal: with n residuals the bound at miss rate r is the ceil((n + 1)(1 - r))-th smallest (Vovk et
 * al. 2005; Lei et al. 2018); that needs n >= 1 / r - 1. Below it there is no such guarantee: then the largest absolute
 * residual, times a safety factor that shrinks as residuals come in. With no residual at all the margin is `prior`.
 */
export function upperMargin(
  residuals: readonly number[],
  missRate: number = DEFAULT_MISS_RATE,
  prior: number = 0.25,
): number {
  const count = residuals.length;
  if (count === 0) return prior;
  const ranked = residuals.toSorted((left, right) => left - right)[Math.ceil((count + 1) * (1 - missRate)) - 1];
  if (ranked !== undefined) return Math.max(LEAST_MARGIN, ranked);
  const largest = Math.max(...residuals.map((residual) => Math.abs(residual)));
  const safety = 1 + (FEW_RESIDUALS_SAFETY - 1) * Math.max(0, 1 - (count - 3) / (1 / missRate - 4)) + 1 / count;
  return Math.max(LEAST_MARGIN, largest * safety);
}
