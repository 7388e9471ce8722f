import { MpoError } from "@mpo/core";
import type { ImageShape } from "../images/image-set.ts";
import { invalidData } from "./data-error.ts";

/** Names of the files that are taken for pictures; what they hold is seen when they are read. */
export const PICTURE_FILE = /\.(png|jpe?g|jfif|webp|gif|tiff?|avif)$/i;
/** The same in words. */
export const PICTURE_KINDS = "PNG, JPEG, WebP, GIF, TIFF or AVIF";

/** Larger pictures are refused before their pixels are decoded. */
const MOST_PIXELS = 100_000_000;

/**
 * Decodes a picture, the first frame of a moving one, stretched to height x width, as one or three channels of bytes.
 * Transparent places are black. Throws `invalid-data` for what is no whole picture.
 */
export async function readPicture(path: string, { height, width, channels }: ImageShape): Promise<Uint8Array> {
  // Loaded with the first picture: who reads arrays alone, as an agent may, stays small.
  const { default: sharp } = await import("sharp");
  try {
    const { data, info } = await sharp(path, { limitInputPixels: MOST_PIXELS, failOn: "truncated" })
      .autoOrient()
      .flatten({ background: "#000" })
      .resize(width, height, { fit: "fill" })
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels === channels) return data;
    // A grey file stays one channel in sRGB on some builds: repeat it.
    if (info.channels === 1)
      return Uint8Array.from({ length: data.length * channels }, (_, i) => data[Math.floor(i / channels)]!);
    throw new MpoError("invalid-data", `${path}: expected ${channels} channels after decoding, found ${info.channels}`);
  } catch (thrown) {
    if (thrown instanceof MpoError) throw thrown;
    const found = MpoError.from(thrown).message;
    throw invalidData(path, 0, `a whole picture (${PICTURE_KINDS})`, found, thrown);
  }
}
