import type { StepReport } from "../training/train-loop.ts";

/** Why a training ended, in words for people. */
export const STOP_WORDS = {
  finished: "all epochs trained",
  fewClasses: "not trained",
  unevenClasses: "normalised by its inputs, not trained: they are not of all classes alike",
  collapsed: "ended early: it named ever fewer classes",
  diverged: "ended early: its loss was not a number",
  noProgress: "ended early: its loss no longer fell",
  outOfTime: "ended early: its time was over",
} as const;
export type StopReason = keyof typeof STOP_WORDS;

/** Entropy of the mean prediction, as a share of its largest value, below which a model counts as collapsed. */
const LEAST_DIVERSITY = 0.35;
/** A drifted model may name few classes from the start: it has collapsed when it names clearly fewer than then. */
const LEAST_SHARE_OF_FIRST = 0.7;
/** An epoch counts as progress when it lowers the loss by this share of its size. */
const LEAST_PROGRESS = 1e-3;
const PATIENCE_EPOCHS = 2;

/** What a guard remembers between epochs. */
export interface GuardState {
  /** Entropy of the mean prediction at the first step. */
  readonly firstEntropy: number | undefined;
  readonly bestLoss: number;
  readonly epochsWithoutProgress: number;
}

export const GUARD_AT_START: GuardState = {
  firstEntropy: undefined,
  bestLoss: Number.POSITIVE_INFINITY,
  epochsWithoutProgress: 0,
};

/**
 * Looks at the steps of one epoch of an adaptation: has the model collapsed to few classes (as Tent does when it runs
 * too long), is the loss not a number, has it stopped falling? `stop` is undefined when the training should continue.
 */
export function watchEpoch(
  state: GuardState,
  steps: readonly Pick<StepReport, "loss" | "meanPredictionEntropy">[],
  classes: number,
): { readonly state: GuardState; readonly stop: StopReason | undefined } {
  const firstEntropy = state.firstEntropy ?? steps[0]?.meanPredictionEntropy ?? 0;
  if (steps.some(({ loss }) => !Number.isFinite(loss))) return { state: { ...state, firstEntropy }, stop: "diverged" };
  const least = Math.min(LEAST_DIVERSITY * Math.log(classes), LEAST_SHARE_OF_FIRST * firstEntropy);
  if (steps.some(({ meanPredictionEntropy }) => meanPredictionEntropy < least)) {
    return { state: { ...state, firstEntropy }, stop: "collapsed" };
  }
  const loss = steps.reduce((sum, step) => sum + step.loss, 0) / Math.max(1, steps.length);
  // Losses may be negative (information maximisation): progress is measured against their size.
  const isProgress = !(loss > state.bestLoss - LEAST_PROGRESS * Math.abs(state.bestLoss));
  const epochsWithoutProgress = isProgress ? 0 : state.epochsWithoutProgress + 1;
  return {
    state: { firstEntropy, bestLoss: Math.min(loss, state.bestLoss), epochsWithoutProgress },
    stop: epochsWithoutProgress >= PATIENCE_EPOCHS ? "noProgress" : undefined,
  };
}
