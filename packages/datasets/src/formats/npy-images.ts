import type { ImageSet, ImageShape } from "../images/image-set.ts";
import { invalidData } from "./data-error.ts";
import { type ReadOptions, readRange, readSizedFile, requireSize, withFile } from "./data-file.ts";
import {
  decodeNpy,
  decodeNpyData,
  decodeNpyHeader,
  encodeNpy,
  type NpyArray,
  type NpyData,
  type NpyType,
  npyFileBytes,
  npyItemBytes,
} from "./npy.ts";

/** NumPy writes headers of 64 to 128 bytes; one that does not fit here is refused. */
const MOST_HEADER_BYTES = 4096;

/** Reads a whole `.npy` file, plain or gzip. Throws `not-found`, `invalid-data` or `cancelled`. */
export async function readNpy(path: string, options: ReadOptions = {}): Promise<NpyArray> {
  const bytes = await readSizedFile(path, (head) => npyFileBytes(decodeNpyHeader(head, path)), options);
  return decodeNpy(bytes, path);
}

/**
 * Reads images from a plain `.npy` file of [N, H, W, C] or [N, H, W]. Integers must be 0..255 and become 0..1; floats must
 * be 0..1. Throws `not-found`, `invalid-data` (with advice where another common form is seen) or `cancelled`.
 */
export async function readNpyImages(path: string, options: ReadOptions = {}): Promise<ImageSet> {
  return await withFile(path, options, async (file, sizeBytes) => {
    const head = await readRange(file, 0, Math.min(MOST_HEADER_BYTES, sizeBytes), path);
    const header = decodeNpyHeader(head, path);
    requireSize(path, npyFileBytes(header), sizeBytes);
    const values = await readRange(file, header.dataOffset, sizeBytes - header.dataOffset, path);
    return imagesOf(decodeNpyData(header, values, path), path, header.dataOffset);
  });
}

/** The images in the bytes of an `.npy` file; `file` names it in errors. Throws as `readNpyImages` does. */
export function npyImages(bytes: Uint8Array, file: string): ImageSet {
  return imagesOf(decodeNpy(bytes, file), file, decodeNpyHeader(bytes, file).dataOffset);
}

function imagesOf(array: NpyArray, file: string, firstByte: number): ImageSet {
  return { ...imageShape(array.shape, file), images: unitValues(array, file, firstByte) };
}

/** Reads labels from a `.npy` file of [N] or [N, 1] whole numbers >= 0. Throws as `readNpyImages` does. */
export async function readNpyLabels(path: string, options: ReadOptions = {}): Promise<Int32Array> {
  return npyLabels(await readNpy(path, options), path);
}

/** The labels of a decoded array. Throws `invalid-data`, with advice where another common form is seen. */
export function npyLabels({ shape, data, type }: NpyArray, file: string): Int32Array {
  const offsetBytes = 0;
  const isFloat = isFloats(type);
  const isOneHot = shape.length === 2 && shape[1]! > 1;
  if (shape.slice(1).some((size) => size !== 1) || shape.length === 0 || isFloat) {
    const hint = isOneHot
      ? "If each row has one 1, in the column of its class, write np.argmax(labels, axis=1) instead."
      : isFloat && shape.length === 1
        ? 'Write labels.astype("int64") instead.'
        : undefined;
    throw invalidData(file, offsetBytes, "[N] integers", `[${shape.join(", ")}] of ${type}`, { hint });
  }
  const labels = Int32Array.from(data);
  const bad = labels.findIndex((label, i) => label < 0 || label !== data[i]);
  if (bad >= 0) {
    const found = `${data[bad]} for image ${bad}`;
    throw invalidData(file, offsetBytes, "labels in 0..2^31-1", found, { hint: "Classes are counted from 0." });
  }
  return labels;
}

/** The `.npy` file ([N, H, W, C] of f4) of the images of a set. */
export function encodeNpyImages(set: ImageSet): Uint8Array {
  return encodeNpy({ type: "f4", shape: [set.count, set.height, set.width, set.channels], data: set.images });
}

/** A picture has no more channels. */
const MOST_CHANNELS = 4;

function imageShape(shape: readonly number[], file: string): ImageShape & { readonly count: number } {
  const [count = 0, height = 0, width = 0, channels = 1] = shape;
  const found = `[${shape.join(", ")}]`;
  if ((shape.length !== 3 && shape.length !== 4) || shape.includes(0)) {
    throw invalidData(file, 10, "a shape of [N, H, W] or [N, H, W, C], none of them 0", found);
  }
  // One row of a picture may have many channels; one channel of a square picture comes first.
  const isFirst = height > 1 ? height <= MOST_CHANNELS : width === channels;
  if (shape.length === 4 && channels > MOST_CHANNELS && isFirst) {
    const hint = "The channels seem to come first, as in PyTorch: write images.transpose(0, 2, 3, 1) instead.";
    throw invalidData(file, 10, "a shape of [N, H, W, C]", found, { hint });
  }
  return { count, height, width, channels };
}

/** Floats that were computed stray so far beyond 0..1. */
const FLOAT_SLACK = 1e-3;

function unitValues({ type, data }: Pick<NpyArray, "type" | "data">, file: string, firstByte: number): Float32Array {
  const isFloat = isFloats(type);
  const most = isFloat ? 1 : 255;
  const slack = isFloat ? FLOAT_SLACK : 0;
  // Decoded for nobody else: floats are made right where they are.
  const images = data instanceof Float32Array ? data : new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (!(value >= -slack && value <= most + slack)) {
      const offsetBytes = firstByte + i * npyItemBytes(type);
      const hint = rangeAdvice(data, isFloat);
      throw invalidData(file, offsetBytes, `a value in 0..${most}`, String(value), { hint });
    }
    images[i] = Math.min(1, Math.max(0, value / most));
  }
  return images;
}

function isFloats(type: NpyType): boolean {
  return type === "f4" || type === "f8";
}

/** What to do with values that are neither bytes nor shares. */
function rangeAdvice(data: NpyData, isFloat: boolean): string {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of data) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  const range = `The values are ${least} to ${most}`;
  if (isFloat && least >= 0 && most <= 255) return `${range}: divide by 255, or write images.astype("uint8").`;
  if (isFloat && least >= -1 && most <= 1 + FLOAT_SLACK) return `${range}: write (images + 1) / 2 instead.`;
  if (!isFloat && least >= 0 && most < 2 ** 16) {
    return `${range}: divide by the greatest that a camera gives (of 16 bits: 65535), as for the model's training.`;
  }
  return `${range}: images are integers 0 to 255 or floats 0 to 1. Bring them there as for the model's training.`;
}
