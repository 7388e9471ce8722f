import type { ImageSet } from "../images/image-set.ts";
import { throughJpeg } from "./jpeg-corruption.ts";
import { isSmall } from "./severity-levels.ts";

/** Quality of the JPEG files in which ImageNet-C is published. */
const FILE_QUALITY = 85;

/** Damaged images as the published files have them: cut (not rounded) to bytes, large ones written as JPEG too. */
export async function asPublishedFiles(set: ImageSet, signal: AbortSignal | undefined): Promise<ImageSet> {
  // A byte that was divided by 255 must come back as itself.
  const images = set.images.map((value) => Math.floor(value * 255 + 1e-4) / 255);
  return isSmall(set) ? { ...set, images } : await throughJpeg({ ...set, images }, FILE_QUALITY, signal);
}
