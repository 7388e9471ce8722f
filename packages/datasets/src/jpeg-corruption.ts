import { throwIfAborted } from "@mpo/io";
import { forEachBounded } from "./bounded.ts";
import { type Corruption, checkCorruptible } from "./corruption-kernel.ts";
import { type ImageSet, type ImageShape, imageLength } from "./image-set.ts";
import { severityLevel } from "./severity-levels.ts";

/** Strips in libvips at a time; its own thread pool is no larger. */
const CONCURRENCY = 4;
/** Rows of a strip of images; JPEG itself ends at 65,535. */
const MOST_STRIP_ROWS = 8192;

/**
 * Written as JPEG of low quality and read back (libjpeg through sharp, 4:2:0 colour). Draws nothing at random: the seed
 * changes nothing. Images are coded many at a time, one below the other, each on its own blocks: what comes out does not
 * depend on its neighbours.
 */
export const jpegCompression: Corruption = async (set, severity, _seed, options = {}) => {
  checkCorruptible("jpeg_compression", set, severity);
  const { quality } = severityLevel("jpeg_compression", set, severity);
  const cell = stripCell(set);
  const perStrip = Math.max(1, Math.floor(MOST_STRIP_ROWS / cell.rows));
  const images = new Float32Array(set.images.length);
  await forEachBounded(Math.ceil(set.count / perStrip), CONCURRENCY, async (strip) => {
    throwIfAborted(options.signal);
    const from = strip * perStrip;
    const to = Math.min(set.count, from + perStrip);
    const pixels = stripPixels(set, from, to, cell);
    const decoded = await throughJpeg(pixels, { ...shapeOf(set), height: (to - from) * cell.rows }, quality);
    const length = imageLength(set);
    const row = set.width * set.channels;
    for (let i = from; i < to; i++) {
      const start = ((i - from) * cell.rows + cell.above) * row;
      for (let p = 0; p < length; p++) images[i * length + p] = decoded[start + p]! / 255;
    }
  });
  return { ...set, images };
};

/** Rows one image takes in a strip, and how many of them are padding above it. */
interface StripCell {
  readonly rows: number;
  readonly above: number;
}

function stripCell(shape: ImageShape): StripCell {
  if (shape.channels === 1) return { rows: roundUp(shape.height, 8), above: 0 };
  // Halved colour is coded in blocks of 16 rows and smoothed across their borders when read: a block of padding on
  // either side keeps neighbours apart.
  return { rows: roundUp(shape.height, 16) + 32, above: 16 };
}

function stripPixels(set: ImageSet, from: number, to: number, cell: StripCell): Uint8Array {
  const row = set.width * set.channels;
  const length = imageLength(set);
  const pixels = new Uint8Array((to - from) * cell.rows * row);
  for (let i = from, at = 0; i < to; i++) {
    for (let y = 0; y < cell.rows; y++) {
      const source = i * length + Math.min(set.height - 1, Math.max(0, y - cell.above)) * row;
      for (let x = 0; x < row; x++) pixels[at++] = Math.round(set.images[source + x]! * 255);
    }
  }
  return pixels;
}

async function throughJpeg(pixels: Uint8Array, shape: ImageShape, quality: number): Promise<Uint8Array> {
  const space = shape.channels === 1 ? "b-w" : "srgb";
  const raw = { width: shape.width, height: shape.height, channels: shape.channels as 1 | 3 };
  const { default: sharp } = await import("sharp");
  const jpeg = await sharp(pixels, { raw })
    .toColourspace(space)
    .jpeg({ quality, chromaSubsampling: "4:2:0" })
    .toBuffer();
  return await sharp(jpeg).toColourspace(space).raw().toBuffer();
}

function shapeOf(set: ImageSet): ImageShape {
  return { height: set.height, width: set.width, channels: set.channels };
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
