import { forEachBounded, throwIfAborted } from "@mpo/io";
import { type ImageSet, type ImageShape, imageLength } from "../images/image-set.ts";
import { type Border, borderIndex } from "./border.ts";
import { type Corruption, checkCorruptible } from "./corruption-kernel.ts";
import { severityLevel } from "./severity-levels.ts";

/** Strips in libvips at a time; its own thread pool is no larger. */
const CONCURRENCY = 4;
/** Rows of a strip of images; JPEG itself ends at 65,535. */
const MOST_STRIP_ROWS = 8192;

/**
 * Written as JPEG of low quality and read back (libjpeg through sharp, 4:2:0 colour). Draws nothing at random: the seed
 * changes nothing. Images are coded many at a time where that gives each the bytes that a file of its own would: one
 * below the other, each on its own blocks.
 */
export const jpegCompression: Corruption = async (set, severity, _seed, { signal } = {}) => {
  checkCorruptible("jpeg_compression", set, severity);
  return await throughJpeg(set, severityLevel("jpeg_compression", set, severity).quality, signal);
};

/** Every image written as JPEG and read back. */
export async function throughJpeg(set: ImageSet, quality: number, signal: AbortSignal | undefined): Promise<ImageSet> {
  const cell = stripCell(set);
  const length = imageLength(set);
  const row = set.width * set.channels;
  const images = new Float32Array(set.images.length);
  await forEachBounded(Math.ceil(set.count / cell.perStrip), CONCURRENCY, async (strip) => {
    throwIfAborted(signal);
    const from = strip * cell.perStrip;
    const to = Math.min(set.count, from + cell.perStrip);
    const pixels = stripPixels(set, from, to, cell);
    const shape = { width: set.width, height: (to - from) * cell.rows, channels: set.channels };
    const decoded = await codedPixels(pixels, shape, quality);
    for (let i = from; i < to; i++) {
      const start = ((i - from) * cell.rows + cell.above) * row;
      for (let p = 0; p < length; p++) images[i * length + p] = decoded[start + p]! / 255;
    }
  });
  return { ...set, images };
}

/** How many images are coded at a time, the rows each takes in the strip, and how many of these are padding above it. */
interface StripCell {
  readonly perStrip: number;
  readonly rows: number;
  readonly above: number;
  /** What the padding repeats. */
  readonly border: Border;
}

function stripCell({ height, channels }: ImageShape): StripCell {
  const packed = (rows: number): { perStrip: number; rows: number } => ({
    perStrip: Math.max(1, Math.floor(MOST_STRIP_ROWS / rows)),
    rows,
  });
  // An encoder fills a grey image's last block with its last row.
  if (channels === 1) return { ...packed(8 * Math.ceil(height / 8)), above: 0, border: "edge" };
  // Halved colour is coded in blocks of 16 rows and smoothed across their borders when read. A mirrored block on either
  // side is decoded to the mirrored rows, so that the smoothing sees what it sees at the end of a file: the same row again.
  if (height % 16 === 0) return { ...packed(height + 32), above: 16, border: "reflect" };
  return { perStrip: 1, rows: height, above: 0, border: "edge" };
}

function stripPixels(set: ImageSet, from: number, to: number, cell: StripCell): Uint8Array {
  const row = set.width * set.channels;
  const length = imageLength(set);
  const pixels = new Uint8Array((to - from) * cell.rows * row);
  for (let i = from, at = 0; i < to; i++) {
    for (let y = 0; y < cell.rows; y++) {
      const source = i * length + borderIndex(y - cell.above, set.height, cell.border) * row;
      for (let x = 0; x < row; x++) pixels[at++] = Math.round(set.images[source + x]! * 255);
    }
  }
  return pixels;
}

async function codedPixels(pixels: Uint8Array, shape: ImageShape, quality: number): Promise<Uint8Array> {
  const space = shape.channels === 1 ? "b-w" : "srgb";
  const raw = { ...shape, channels: shape.channels as 1 | 3 };
  const { default: sharp } = await import("sharp");
  const jpeg = await sharp(pixels, { raw })
    .toColourspace(space)
    .jpeg({ quality, chromaSubsampling: "4:2:0" })
    .toBuffer();
  return await sharp(jpeg).toColourspace(space).raw().toBuffer();
}
