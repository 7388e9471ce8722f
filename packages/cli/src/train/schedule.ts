/**
 * A one-cycle learning rate (Smith and Topin 2018) over a whole training: up linearly over the first fifth, down along
 * half a cosine to (nearly) zero. `done` is the share of the training, 0 to 1.
 */
export function oneCycleRate(peak: number, done: number): number {
  if (done < WARM_UP_SHARE) return peak * (FIRST_SHARE + ((1 - FIRST_SHARE) * done) / WARM_UP_SHARE);
  const progress = (done - WARM_UP_SHARE) / (1 - WARM_UP_SHARE);
  return (peak * (1 + Math.cos(Math.PI * Math.min(1, progress)))) / 2;
}

const WARM_UP_SHARE = 0.2;
const FIRST_SHARE = 0.1;

/** Learning rate for a batch: proportional to it (Goyal et al. 2017), 0.1 for 128 images. */
export function defaultPeakRate(batch: number): number {
  return (0.1 * batch) / 128;
}

/** How labelled images are learned. */
export const TRAINING_OPTIMIZER = { kind: "momentum", momentum: 0.9, nesterov: true, weightDecay: 5e-4 } as const;

/** Step seeds are 32-bit numbers in the graph. */
const SEED_RANGE = 2 ** 30;

/** What a worker is told of a piece: its rates on the one cycle of all `total` steps, and what its order follows from. */
export function pieceRun(
  { firstStep, steps }: Pick<TrainingPiece, "firstStep" | "steps">,
  { peakRate, total }: { readonly peakRate: number; readonly total: number },
  seed: number,
) {
  const rateAt = (step: number): number => oneCycleRate(peakRate, step / total);
  return {
    steps,
    learningRate: { kind: "linear", from: rateAt(firstStep), to: rateAt(firstStep + steps) },
    seed: seed % SEED_RANGE,
    shuffle: true,
  } as const;
}

/** A run of steps that is trained in one go: an epoch, or what is left of one. Epochs and steps count from 0. */
export interface TrainingPiece {
  readonly epoch: number;
  readonly firstStep: number;
  readonly steps: number;
}

/** Cuts a training into epochs; one that starts in the midst of an epoch first finishes that. */
export function trainingPieces(epochs: number, stepsPerEpoch: number, startStep: number): readonly TrainingPiece[] {
  const pieces: TrainingPiece[] = [];
  for (let firstStep = startStep; firstStep < epochs * stepsPerEpoch; ) {
    const epoch = Math.floor(firstStep / stepsPerEpoch);
    const end = (epoch + 1) * stepsPerEpoch;
    pieces.push({ epoch, firstStep, steps: end - firstStep });
    firstStep = end;
  }
  return pieces;
}
