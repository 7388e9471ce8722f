import { MpoError } from "@mpo/core";
import { type ImageSet, imageAt, imageLength, shapeInWords } from "../images/image-set.ts";
import type { ReadOptions } from "./data-file.ts";
import { broughtTo, type PictureForm } from "./picture.ts";

/**
 * A set of arrays brought to a form as pictures are: in 256 levels, to its height and width, with one or three channels (grey
 * is repeated, of colour the brightness is taken). A set of that shape stays as it is. Throws `invalid-argument` for other
 * channels, and `cancelled`.
 */
export async function fitImages(set: ImageSet, form: PictureForm, { signal }: ReadOptions = {}): Promise<ImageSet> {
  if (shapeInWords(set) === shapeInWords(form)) return set;
  const { height, width } = form;
  const [from, to] = [channelsOf(set), channelsOf(form)];
  const length = imageLength(form);
  const images = new Float32Array(set.count * length);
  const raw = { raw: { width: set.width, height: set.height, channels: from } };
  for (let i = 0; i < set.count; i++) {
    signal?.throwIfAborted();
    const levels = Uint8Array.from(imageAt(set, i), (value) => Math.round(255 * value));
    const pixels = await broughtTo(form, levels, raw);
    for (let p = 0; p < length; p++) images[i * length + p] = pixels[p]! / 255;
  }
  return { ...set, images, height, width, channels: to };
}

function channelsOf({ channels }: { readonly channels: number }): 1 | 3 {
  if (channels === 1 || channels === 3) return channels;
  throw new MpoError("invalid-argument", `images of ${channels} channels cannot be brought to another form`, {
    hint: "Expected 1 or 3 channels.",
  });
}
