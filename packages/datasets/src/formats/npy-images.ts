import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { noted } from "../images/describe-classes.ts";
import { type ImageSet, takeImages } from "../images/image-set.ts";
import { type Part, partIndices } from "../images/part.ts";
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

/** Reads a whole `.npy` file, plain or gzip. Throws `not-found`, `invalid-data` or `cancelled`. */
export async function readNpy(path: string, options: ReadOptions = {}): Promise<NpyArray> {
  const bytes = await readSizedFile(path, (head) => npyFileBytes(decodeNpyHeader(head, path)), options);
  return decodeNpy(bytes, path);
}

/**
 * Reads images from a plain `.npy` file of [N, H, W, C] or [N, H, W]. Integers must be 0..255 and become 0..1; floats must
 * be 0..1. Throws `not-found`, `invalid-data` or `cancelled`.
 */
export async function readNpyImages(path: string, options: ReadOptions = {}): Promise<ImageSet> {
  return await withFile(path, options, async (file, sizeBytes) => {
    const head = await readRange(file, 0, Math.min(MOST_HEADER_BYTES, sizeBytes), path);
    const header = decodeNpyHeader(head, path);
    requireSize(path, npyFileBytes(header), sizeBytes);
    const shape = imageShape(header, path);
    const bytes = await readRange(file, header.dataOffset, sizeBytes - header.dataOffset, path);
    return { ...shape, images: unitValues(header, bytes, path) };
  });
}

/** Reads labels from a `.npy` file of [N] whole numbers >= 0. Throws as `readNpyImages` does. */
export async function readNpyLabels(path: string, options: ReadOptions = {}): Promise<Int32Array> {
  const { shape, data, type } = await readNpy(path, options);
  if (shape.length !== 1 || type === "f4" || type === "f8") {
    throw invalidData(path, 0, "[N] integers", `[${shape}] of ${type}`);
  }
  const labels = Int32Array.from(data);
  const bad = labels.findIndex((label, i) => label < 0 || label !== data[i]);
  if (bad >= 0) throw invalidData(path, 0, "labels in 0..2^31-1", `${data[bad]} for image ${bad}`);
  return labels;
}

/**
 * Loads a part of a folder with `images.npy` (as `readNpyImages` takes it) and `labels.npy` (one for each image, from 0):
 * a fifth is kept for testing. Throws as `readNpyImages` does.
 */
export async function loadNpyFolder(folder: string, part: Part, options: ReadOptions = {}): Promise<ImageSet> {
  const images = await readNpyImages(join(folder, "images.npy"), options);
  const labelsPath = join(folder, "labels.npy");
  const labels = await readNpyLabels(labelsPath, options);
  if (labels.length !== images.count) {
    const expected = `${images.count} labels, as many as images in images.npy`;
    throw invalidData(labelsPath, 0, expected, String(labels.length));
  }
  return takeImages(noted({ ...images, labels }, folder, options), partIndices(images.count, part));
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

function unitValues({ type, dataOffset }: NpyHeader, bytes: Uint8Array, file: string): Float32Array {
  const values = decodeNpyValues(type, bytes, file, dataOffset);
  const most = type === "f4" || type === "f8" ? 1 : 255;
  const images = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!(value >= 0 && value <= most)) {
      const offsetBytes = dataOffset + i * npyItemBytes(type);
      throw invalidData(file, offsetBytes, `a value in 0..${most}`, String(value));
    }
    images[i] = value / most;
  }
  return images;
}
