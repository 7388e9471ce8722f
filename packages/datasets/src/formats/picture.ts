import { readFile, stat } from "node:fs/promises";
import { MpoError } from "@mpo/core";
import type { SharpOptions } from "sharp";
import type { ImageShape } from "../images/image-set.ts";
import { decodeBmp, isBmp } from "./bmp.ts";
import { invalidData } from "./data-error.ts";
import { resample } from "./resample.ts";
import { FILTERS, FITS, type Resizing } from "./resizing.ts";

/** Names of the files that are taken for pictures; what they hold is seen when they are read. */
export const PICTURE_FILE = /\.(png|jpe?g|jfif|webp|gif|tiff?|avif|bmp)$/i;
/** The same in words. */
export const PICTURE_KINDS = "PNG, JPEG, WebP, GIF, TIFF, AVIF or BMP";

const SHARP_FITS = { stretch: "fill", crop: "cover", letterbox: "contain" } as const;

/** The size that pictures are brought to, and how. */
export interface PictureForm extends ImageShape, Resizing {}

/** Larger pictures are refused before their pixels are decoded. */
const MOST_PIXELS = 100_000_000;

/**
 * Decodes a picture, the first frame of a moving one, brought to height x width, as one or three channels of 0 to
 * 255. Transparent places are black. Throws `invalid-data` for what is not a whole picture.
 */
export async function readPicture(path: string, form: PictureForm): Promise<Uint8Array | Float32Array> {
  try {
    return await broughtTo(form, ...(await sourceOf(path)));
  } catch (thrown) {
    const isEmpty = await stat(path).then(
      ({ size }) => size === 0,
      () => false,
    );
    const found = isEmpty ? "an empty file" : MpoError.from(thrown).message;
    throw invalidData(path, 0, `a whole picture (${PICTURE_KINDS})`, found, { cause: thrown });
  }
}

/** What sharp is given, brought to a form: grey becomes colour by repeating, colour grey by its brightness. */
export async function broughtTo(
  form: PictureForm,
  source: string | Uint8Array,
  options: SharpOptions,
): Promise<Uint8Array | Float32Array> {
  const { height, width, channels, fit = FITS[0], filter = FILTERS[0] } = form;
  // Loaded with the first picture: a program that reads arrays only, as an agent may, stays small.
  const { default: sharp } = await import("sharp");
  const whole = sharp(source, options).autoOrient().flatten({ background: "#000" });
  // A JPEG's decoder may halve its size first, by means of four: so it is where nothing is stated.
  const how = { fit: SHARP_FITS[fit], background: "#000", fastShrinkOnLoad: form.filter === undefined };
  const resized = filter === "lanczos3" ? whole.resize(width, height, how) : whole;
  const { data, info } = await resized
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== channels && info.channels !== 1) {
    throw new MpoError("invalid-data", `${info.channels} channels`);
  }
  // A grey file stays one channel in sRGB on some builds: repeat it.
  const isGrey = info.channels !== channels;
  const pixels = isGrey
    ? Uint8Array.from({ length: data.length * channels }, (_, i) => data[Math.floor(i / channels)]!)
    : data;
  return filter === "lanczos3" ? pixels : resample(pixels, info, form, { fit, filter });
}

/** Height, width and channels of a picture, as it is to be seen. Throws for what is no picture. */
export async function pictureSize(path: string): Promise<ImageShape> {
  const { default: sharp } = await import("sharp");
  const { autoOrient, channels } = await sharp(...(await sourceOf(path))).metadata();
  return { height: autoOrient.height, width: autoOrient.width, channels };
}

/** The PNG file of one image with values of 0 to 1. */
export async function encodePng(image: Float32Array, { height, width, channels }: ImageShape): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  // Of an image that is neither grey nor colour, the first channel only.
  const kept = channels === 3 ? 3 : 1;
  const pixels = Uint8Array.from({ length: height * width * kept }, (_, i) =>
    Math.round(255 * image[Math.floor(i / kept) * channels + (i % kept)]!),
  );
  return await sharp(pixels, { raw: { height, width, channels: kept } })
    .png()
    .toBuffer();
}

/** What sharp is given: it reads all kinds but bitmaps itself. */
async function sourceOf(path: string): Promise<readonly [string | Uint8Array, SharpOptions]> {
  const limits: SharpOptions = { limitInputPixels: MOST_PIXELS, failOn: "truncated" };
  if (!/\.bmp$/i.test(path)) return [path, limits];
  const bytes = await readFile(path);
  if (!isBmp(bytes)) return [bytes, limits];
  const { data, ...size } = decodeBmp(bytes, MOST_PIXELS);
  return [data, { raw: { ...size, channels: 3 } }];
}
