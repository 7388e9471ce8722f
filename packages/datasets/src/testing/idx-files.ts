import { MpoError } from "@mpo/core";
import { idxHeaderLength, UNSIGNED_BYTE } from "../formats/idx.ts";
import type { ImageSet } from "../images/image-set.ts";

/** The IDX file of one-channel images, rounded to bytes. Throws `invalid-argument` for more channels or no images. */
export function encodeIdxImages(set: ImageSet): Uint8Array {
  if (set.channels !== 1 || set.count < 1) {
    throw new MpoError("invalid-argument", `IDX: expected images of 1 channel, got ${set.count} of ${set.channels}`);
  }
  const pixels = Uint8Array.from(set.images, (value) => Math.round(Math.min(1, Math.max(0, value)) * 255));
  return encodeIdx([set.count, set.height, set.width], pixels);
}

/** The IDX file of labels. Throws `invalid-argument` when there is no label, or one is not in 0..255. */
export function encodeIdxLabels(labels: ArrayLike<number>): Uint8Array {
  const bytes = Uint8Array.from(labels);
  if (bytes.length === 0 || bytes.some((byte, i) => byte !== labels[i])) {
    throw new MpoError("invalid-argument", "IDX: expected at least one label, each a whole number in 0..255");
  }
  return encodeIdx([bytes.length], bytes);
}

function encodeIdx(sizes: readonly number[], data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(idxHeaderLength(sizes.length) + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(2, UNSIGNED_BYTE);
  view.setUint8(3, sizes.length);
  for (const [i, size] of sizes.entries()) view.setUint32(4 + 4 * i, size);
  bytes.set(data, idxHeaderLength(sizes.length));
  return bytes;
}
