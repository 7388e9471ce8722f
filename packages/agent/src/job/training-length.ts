/** What decides how long a window trains. */
export interface TrainingLengthFacts {
  readonly inputs: number;
  readonly effectiveBatch: number;
  readonly stepMs: number;
  /** Predicted number of steps after which training is best stopped; 0: unknown. */
  readonly bestSteps: number;
  /** Wall time for loading, training and judging. */
  readonly maxMs: number;
}

/** How long it trains. */
export interface TrainingLength {
  readonly epochs: number;
  /** Inputs to use: fewer than there are when not even one pass over all of them fits. */
  readonly inputs: number;
}

/** Share of a window for the steps; the rest is for starting, judging and writing. */
const STEP_SHARE = 0.7;
const MAX_EPOCHS = 20;
/** Without a prediction: few, because an adaptation without labels collapses when it runs long. */
const USUAL_EPOCHS = 3;

/** As many passes as are predicted to be best and fit the time. Undefined: not even one step fits. */
export function trainingLength(facts: TrainingLengthFacts): TrainingLength | undefined {
  const { inputs, effectiveBatch, stepMs, bestSteps, maxMs } = facts;
  const fittingSteps = Math.floor((maxMs * STEP_SHARE) / Math.max(0.001, stepMs));
  if (fittingSteps < 1) return undefined;
  const stepsPerEpoch = Math.ceil(inputs / effectiveBatch);
  if (fittingSteps < stepsPerEpoch) return { epochs: 1, inputs: Math.min(inputs, fittingSteps * effectiveBatch) };
  const wanted = bestSteps > 0 ? Math.max(1, Math.round(bestSteps / stepsPerEpoch)) : USUAL_EPOCHS;
  return { epochs: Math.min(wanted, Math.floor(fittingSteps / stepsPerEpoch), MAX_EPOCHS), inputs };
}
