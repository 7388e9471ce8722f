import { joinedLook, summarise } from "@mpo/agent";
import { type DriftSignature, driftSignature } from "@mpo/core";
import type { ImageSet } from "@mpo/datasets";
import type { Samples } from "@mpo/engine";

/** The drift signature of samples, as a device makes it of its inputs. */
export function signatureOf(
  { images, count }: Samples,
  { height, width, channels }: Pick<ImageSet, "height" | "width" | "channels">,
): DriftSignature {
  const look = joinedLook([summarise({ images, count, height, width, channels }, undefined)]);
  return look === undefined ? [] : driftSignature(look);
}
