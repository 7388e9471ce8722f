import type { ImageSet } from "../images/image-set.ts";
import { invalidData } from "./data-error.ts";
import { type ReadOptions, readSizedFile, requireSize } from "./data-file.ts";

// IDX (LeCun's MNIST format): two zero bytes, element type, number of dimensions, sizes as big-endian u4, then data.
export const UNSIGNED_BYTE = 0x08;

/**
 * Reads the images of an IDX file (u1, 3 dimensions), plain or gzip. Values become 0..1, one channel, no labels.
 * Throws `not-found`, `invalid-data` (file, byte offset, expected, found) or `cancelled`.
 */
export async function readIdxImages(path: string, options: ReadOptions = {}): Promise<ImageSet> {
  return decodeIdxImages(await readSizedFile(path, (head) => idxLength(head, 3, path), options), path);
}

/** Reads the labels of an IDX file (u1, 1 dimension), plain or gzip. Throws as `readIdxImages` does. */
export async function readIdxLabels(path: string, options: ReadOptions = {}): Promise<Int32Array> {
  return decodeIdxLabels(await readSizedFile(path, (head) => idxLength(head, 1, path), options), path);
}

/** The images in the bytes of an IDX file; `file` names it in errors. Throws `invalid-data`. */
export function decodeIdxImages(bytes: Uint8Array, file: string): ImageSet {
  requireSize(file, idxLength(bytes, 3, file), bytes.length);
  const [count, height, width] = idxSizes(bytes, 3, file) as [number, number, number];
  const data = bytes.subarray(idxHeaderLength(3));
  const images = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) images[i] = data[i]! / 255;
  return { images, count, height, width, channels: 1 };
}

/** The labels in the bytes of an IDX file; `file` names it in errors. Throws `invalid-data`. */
export function decodeIdxLabels(bytes: Uint8Array, file: string): Int32Array {
  requireSize(file, idxLength(bytes, 1, file), bytes.length);
  return Int32Array.from(bytes.subarray(idxHeaderLength(1)));
}

/** Bytes before the data: magic number and sizes. */
export function idxHeaderLength(dimensions: number): number {
  return 4 + 4 * dimensions;
}

function idxLength(head: Uint8Array, dimensions: number, file: string): number {
  const sizes = idxSizes(head, dimensions, file);
  return idxHeaderLength(dimensions) + sizes.reduce((product, size) => product * size, 1);
}

function idxSizes(head: Uint8Array, dimensions: number, file: string): number[] {
  const headerLength = idxHeaderLength(dimensions);
  if (head.length < headerLength) {
    throw invalidData(file, head.length, `an IDX header of ${headerLength} bytes`, "the end of the file");
  }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const magic = view.getUint32(0);
  const wanted = (UNSIGNED_BYTE << 8) | dimensions;
  if (magic !== wanted) {
    throw invalidData(
      file,
      0,
      `the IDX magic number ${hex(wanted)} (unsigned bytes, ${dimensions} dimensions)`,
      hex(magic),
    );
  }
  return Array.from({ length: dimensions }, (_, i) => {
    const offsetBytes = 4 + 4 * i;
    const size = view.getUint32(offsetBytes);
    if (size === 0) throw invalidData(file, offsetBytes, "a size of at least 1", "0");
    return size;
  });
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
