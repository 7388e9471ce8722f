import { MpoError } from "@mpo/core";
import type { RetrainResult } from "@mpo/engine";

/** Of the model as it was, and of what would serve from now on: the retrained one only where it was accepted. */
export function servedAccuracy({ accuracyBefore, accuracyAfter, isAccepted }: RetrainResult): {
  readonly accuracyBefore: number;
  readonly accuracyAfter: number;
} {
  if (accuracyBefore === undefined || accuracyAfter === undefined) {
    throw new MpoError("invalid-data", "accuracy needs labels; this data set has none");
  }
  return { accuracyBefore, accuracyAfter: isAccepted ? accuracyAfter : accuracyBefore };
}
