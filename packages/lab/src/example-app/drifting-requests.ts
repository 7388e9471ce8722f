import { type CorruptionName, type DriftTask, driftStream, type ImageSet } from "@mpo/datasets";

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

const SEVERITY = 5;
/** More than anybody waits for. */
const ENDLESS = 2 ** 40;

export function driftingRequests(options: DriftingRequestsOptions): DriftingRequests {
  const { source, corruption, imagesPerRequest, seed, signal } = options;
  const stream = (task: DriftTask, ownSeed: number): AsyncGenerator<{ readonly images: ImageSet }, void, undefined> =>
    driftStream({
      ...{ source, tasks: [task], imagesPerTask: ENDLESS, transition: "abrupt", signal },
      seed: ownSeed,
      batchSize: imagesPerRequest,
    });
  let requests = stream({ corruption: "clean" }, seed);
  let isDrifted = false;
  return {
    get isDrifted() {
      return isDrifted;
    },
    beginDrift: () => {
      if (isDrifted) return;
      isDrifted = true;
      requests = stream({ corruption, severity: SEVERITY }, seed + 1);
    },
    next: async () => {
      const { value } = await requests.next();
      if (value === undefined) throw new Error("an endless stream has ended");
      return value.images;
    },
  };
}
