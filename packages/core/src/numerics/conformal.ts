/** Largest share of cases that may lie above an upper bound. */
export const DEFAULT_MISS_RATE = 0.01;

/** With fewer residuals than a bound of the wanted rate needs, the largest is stretched by this. */
const FEW_RESIDUALS_SAFETY = 1.5;

/** Relative error that is always allowed for, whatever the residuals say: a clock tick, a page of memory. */
const LEAST_MARGIN = 0.005;

/**
 * Margin of the bound `prediction * (1 + margin)` from residuals `measured / predicted - 1` of cases that the prediction
 * did not see (leave one out): the largest absolute residual, times a safety factor that shrinks as residuals come in. A
 * conformal bound at this miss rate would need 99 of them (Lei et al. 2018), more than a profile keeps. With no residual at
 * all the margin is `prior`.
 */
export function upperMargin(residuals: readonly number[], prior: number): number {
  const count = residuals.length;
  if (count === 0) return prior;
  const largest = Math.max(...residuals.map((residual) => Math.abs(residual)));
  const scarcity = Math.max(0, 1 - (count - 3) / (1 / DEFAULT_MISS_RATE - 4));
  return Math.max(LEAST_MARGIN, largest * (1 + (FEW_RESIDUALS_SAFETY - 1) * scarcity + 1 / count));
}
