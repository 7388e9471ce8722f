import type { AffineBytes } from "../facts/index.ts";

/** A peak for every micro-batch: the largest of several affine byte counts. */
export type PeakEnvelope = readonly AffineBytes[];

/** Collects affine byte counts and keeps those that may be the largest at some micro-batch of 1 or more. */
export class PeakCollector {
  readonly #candidates: AffineBytes[] = [];

  add(fixed: number, perSample: number): void {
    const candidates = this.#candidates;
    for (let index = 0; index < candidates.length; index++) {
      const other = candidates[index]!;
      if (other.perSample >= perSample && other.fixed >= fixed) return;
      if (other.perSample <= perSample && other.fixed <= fixed) {
        candidates[index] = candidates[candidates.length - 1]!;
        candidates.pop();
        index -= 1;
      }
    }
    candidates.push({ fixed, perSample });
  }

  envelope(): PeakEnvelope {
    return this.#candidates;
  }
}

/** Bytes of a peak at one micro-batch; 0 for an empty envelope. */
export function peakAt(envelope: PeakEnvelope, microBatch: number): number {
  let peak = 0;
  for (const { fixed, perSample } of envelope) peak = Math.max(peak, fixed + perSample * microBatch);
  return peak;
}
