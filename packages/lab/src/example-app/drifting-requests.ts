import { type CorruptionName, type CorruptionOptions, type ImageSet, imageStream } from "@mpo/datasets";

export interface DriftingRequestsOptions extends CorruptionOptions {
  readonly source: ImageSet;
  /** What the drift does to images, at the worst severity. */
  readonly corruption: CorruptionName;
  readonly imagesPerRequest: number;
  readonly seed: number;
}

/** Requests without end: as in training at first, drifted from the moment of the call on. */
export interface DriftingRequests {
  readonly isDrifted: boolean;
  beginDrift(): void;
  next(): Promise<ImageSet>;
}

export function driftingRequests(options: DriftingRequestsOptions): DriftingRequests {
  const { source, corruption, imagesPerRequest, seed, ...damage } = options;
  let read = imageStream({ ...damage, source, seed });
  let position = 0;
  let isDrifted = false;
  return {
    get isDrifted() {
      return isDrifted;
    },
    beginDrift: () => {
      if (isDrifted) return;
      isDrifted = true;
      position = 0;
      read = imageStream({ ...damage, source, drift: { corruption, severity: 5 }, seed: seed + 1 });
    },
    next: () => {
      const from = position;
      position += imagesPerRequest;
      return read(from, position);
    },
  };
}
