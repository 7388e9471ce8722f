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
