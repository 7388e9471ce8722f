export {
  type AnsweredDrift,
  MOST_ANSWERED_DRIFTS,
  withAnswered,
} from "./answered-drifts.ts";
export {
  type DriftSignature,
  driftSignature,
  type InputLook,
  MAX_SIGNATURE_VALUE,
  NEAR_DISTANCE,
  nearestBySignature,
  SIGNATURE_LENGTH,
  signatureDistance,
} from "./drift-signature.ts";
export { MAX_NORMALISATION_BYTES } from "./normalisation-bytes.ts";
