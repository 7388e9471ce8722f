import { type CorruptionName, type ImageSet, imageStream } from "@mpo/datasets";

/** Options of `driftingRequests`. */
export interface DriftingRequestsOptions {
  readonly source: ImageSet;
  /** What the drift does to images, at the worst severity. */
  readonly corruption: CorruptionName;
  readonly imagesPerRequest: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Requests without end: as in training at first, drifted from the moment of the call on. */
export interface DriftingRequests {
  readonly isDrifted: boolean;
  beginDrift(): void;
  next(): Promise<ImageSet>;
}

export function driftingRequests(options: DriftingRequestsOptions): DriftingRequests {
  const { source, corruption, imagesPerRequest, seed, signal } = options;
  let read = imageStream({ source, seed, signal });
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
      read = imageStream({ source, drift: { corruption, severity: 5 }, seed: seed + 1, signal });
    },
    next: () => {
      const from = position;
      position += imagesPerRequest;
      return read(from, position);
    },
  };
}
