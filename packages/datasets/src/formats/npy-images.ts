import { join } from "node:path";
import { MpoError } from "@mpo/core";
import type { ImageSet } from "../images/image-set.ts";
import { invalidData } from "./data-error.ts";
import { type ReadOptions, readRange, readSizedFile, requireSize, withFile } from "./data-file.ts";
import {
  decodeNpy,
  decodeNpyHeader,
  decodeNpyValues,
  encodeNpy,
  type NpyArray,
  type NpyHeader,
  npyFileBytes,
  npyItemBytes,
} from "./npy.ts";

/** NumPy writes headers of 64 to 128 bytes; one that does not fit here is refused. */
const MOST_HEADER_BYTES = 4096;

/** Which images of a file to read, counted from 0; `to` is excluded. All of them when left out. */
export interface ImageRange {
  readonly from?: number;
  readonly to?: number;
}

/** Reads a whole `.npy` file, plain or gzip. Throws `not-found`, `invalid-data` or `cancelled`. */
export async function readNpy(path: string, options: ReadOptions = {}): Promise<NpyArray> {
  const bytes = await readSizedFile(path, (head) => npyFileBytes(decodeNpyHeader(head, path)), options);
  return decodeNpy(bytes, path);
}

/**
 * Reads images from a plain `.npy` file of [N, H, W, C] or [N, H, W]; only the bytes of the wanted range are read.
 * Integers must be 0..255 and become 0..1; floats must be 0..1. Throws `not-found`, `invalid-data`, `invalid-argument`
 * (no such range) or `cancelled`.
 */
export async function readNpyImages(path: string, options: ReadOptions & ImageRange = {}): Promise<ImageSet> {
  return await withFile(path, options, async (file, sizeBytes) => {
    const head = await readRange(file, 0, Math.min(MOST_HEADER_BYTES, sizeBytes), path);
    const header = decodeNpyHeader(head, path);
    requireSize(path, npyFileBytes(header), sizeBytes);
    const shape = imageShape(header, path);
    const { from, to } = checkedRange(options, shape.count, path);
    const imageBytes = shape.height * shape.width * shape.channels * npyItemBytes(header.type);
    const start = header.dataOffset + from * imageBytes;
    const bytes = await readRange(file, start, (to - from) * imageBytes, path);
    const images = unitValues(header, bytes, path, start);
    return { ...shape, count: to - from, images };
  });
}

/** Reads labels from a `.npy` file of [N] whole numbers >= 0. Throws as `readNpyImages` does. */
export async function readNpyLabels(path: string, options: ReadOptions & ImageRange = {}): Promise<Int32Array> {
  const { shape, data, type } = await readNpy(path, options);
  if (shape.length !== 1 || type === "f4" || type === "f8") {
    throw invalidData(path, 0, "[N] integers", `[${shape}] of ${type}`);
  }
  const { from, to } = checkedRange(options, data.length, path);
  const labels = Int32Array.from(data.subarray(from, to));
  const bad = labels.findIndex((label, i) => label < 0 || label !== data[from + i]);
  if (bad >= 0) {
    const offsetBytes = 0;
    const found = `${data[from + bad]} for image ${from + bad}`;
    throw invalidData(path, offsetBytes, "labels in 0..2^31-1", found);
  }
  return labels;
}

/**
 * Loads a folder with `images.npy` (as `readNpyImages` takes it) and `labels.npy` (one for each image, from 0). Throws as
 * `readNpyImages` does.
 */
export async function loadNpyFolder(folder: string, options: ReadOptions = {}): Promise<ImageSet> {
  const images = await readNpyImages(join(folder, "images.npy"), options);
  const labelsPath = join(folder, "labels.npy");
  const labels = await readNpyLabels(labelsPath, options);
  if (labels.length === images.count) return { ...images, labels };
  const expected = `${images.count} labels, as many as images in images.npy`;
  throw invalidData(labelsPath, 0, expected, String(labels.length));
}

/** The `.npy` file ([N, H, W, C] of f4) of the images of a set. */
export function encodeNpyImages(set: ImageSet): Uint8Array {
  return encodeNpy({ type: "f4", shape: [set.count, set.height, set.width, set.channels], data: set.images });
}

function imageShape(header: NpyHeader, file: string): Omit<ImageSet, "images"> {
  const [count = 0, height = 0, width = 0, channels = 1] = header.shape;
  if ((header.shape.length !== 3 && header.shape.length !== 4) || header.length === 0) {
    throw invalidData(file, 10, "a shape of [N, H, W] or [N, H, W, C], none of them 0", `[${header.shape.join(", ")}]`);
  }
  return { count, height, width, channels };
}

function checkedRange(range: ImageRange, count: number, path: string): { from: number; to: number } {
  const { from = 0, to = count } = range;
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || from > to || to > count) {
    throw new MpoError("invalid-argument", `${path}: range ${from}..${to}: expected a part of 0..${count}`);
  }
  return { from, to };
}

function unitValues(header: NpyHeader, bytes: Uint8Array, file: string, start: number): Float32Array {
  const { type } = header;
  const values = decodeNpyValues(type, bytes, file, start);
  const most = type === "f4" || type === "f8" ? 1 : 255;
  const images = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!(value >= 0 && value <= most)) {
      const offsetBytes = start + i * npyItemBytes(type);
      throw invalidData(file, offsetBytes, `a value in 0..${most}`, String(value));
    }
    images[i] = value / most;
  }
  return images;
}
