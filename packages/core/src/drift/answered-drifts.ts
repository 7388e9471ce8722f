import { type DriftSignature, nearestBySignature } from "./drift-signature.ts";

/** What was learned of a drift: parameters of normalisation layers, as bytes. */
export interface AnsweredDrift {
  readonly signature: DriftSignature;
  readonly parameters: Uint8Array;
}

/** A year has four seasons, and a day a few lights: drifts that come back are not many. */
export const MOST_ANSWERED_DRIFTS = 16;
/** Of the parameters of all of them. */
export const MOST_ANSWERED_BYTES = 1_048_576;

/**
 * The drifts that are remembered once one more is answered, the newest first: it takes the place of the one that is like it,
 * and the oldest go where there are too many, or too many bytes.
 */
export function withAnswered<Drift extends AnsweredDrift>(
  remembered: readonly Drift[],
  answered: Drift,
): readonly Drift[] {
  const alike = nearestBySignature(answered.signature, remembered)?.item;
  const newestFirst = [answered, ...remembered.filter((drift) => drift !== alike)].slice(0, MOST_ANSWERED_DRIFTS);
  let bytes = 0;
  return newestFirst.filter(({ parameters }) => {
    bytes += parameters.length;
    return bytes <= MOST_ANSWERED_BYTES;
  });
}
