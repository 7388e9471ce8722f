import { entropy, meanPrediction, type Probabilities } from "./label-free.ts";

export interface CollapseLimits {
  /** Entropy of the mean prediction, as a share of its largest value, below which the model has collapsed. */
  readonly leastDiversity: number;
  /** Moving average of the entropy loss below which weights are reset (SAR, Niu et al. 2023: 0.2). */
  readonly leastLoss: number;
  /** Weight of the past in the moving average (SAR: 0.9). */
  readonly memory: number;
}

export const DEFAULT_COLLAPSE_LIMITS: CollapseLimits = { leastDiversity: 0.35, leastLoss: 0.2, memory: 0.9 };

/** What a guard remembers between steps. */
export interface CollapseState {
  readonly lossAverage: number | undefined;
  readonly resets: number;
}

export const NO_COLLAPSE: CollapseState = { lossAverage: undefined, resets: 0 };

export interface CollapseVerdict {
  readonly state: CollapseState;
  /** Undefined: go on. Else the weights go back to what they were before adaptation. */
  readonly reset: "diversity" | "loss" | undefined;
}

/**
 * Looks at one step of an adaptation without labels. Two signs of collapse: the mean prediction over the step's samples
 * names few classes only, or the average of the entropy loss has become too small to be honest. A reset clears the
 * average. Small batches of one class look like a collapse: `isMixed` false leaves the first sign out.
 */
export function watchForCollapse(
  state: CollapseState,
  predictions: readonly Probabilities[],
  loss: number,
  limits: CollapseLimits = DEFAULT_COLLAPSE_LIMITS,
  isMixed: boolean = true,
): CollapseVerdict {
  const mean = meanPrediction(predictions);
  const diversity = entropy(mean) / Math.log(mean.length);
  const previous = state.lossAverage;
  const lossAverage = previous === undefined ? loss : limits.memory * previous + (1 - limits.memory) * loss;
  const reset =
    !Number.isFinite(loss) || lossAverage < limits.leastLoss
      ? "loss"
      : isMixed && diversity < limits.leastDiversity
        ? "diversity"
        : undefined;
  if (reset === undefined) return { state: { ...state, lossAverage }, reset };
  return { state: { lossAverage: undefined, resets: state.resets + 1 }, reset };
}
