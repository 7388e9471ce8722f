import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { fileError, throwIfAborted } from "@mpo/io";
import { forEachBounded } from "../images/bounded.ts";
import type { ImageSet } from "../images/image-set.ts";
import { invalidData } from "./data-error.ts";
import type { ReadOptions } from "./data-file.ts";

const IMAGE_FILE = /\.(png|jpe?g)$/i;
/** Larger pictures are refused before their pixels are decoded. */
const MOST_PIXELS = 100_000_000;
/** Values of a whole set; more would not fit in one array. */
const MOST_VALUES = 2 ** 30;
const CONCURRENCY = 4;

export interface ImageFolderOptions extends ReadOptions {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
}

/**
 * Loads PNG and JPEG files from one sub-folder a class (the folder names, sorted, are the class names), each stretched
 * to height x width. Files are taken in sorted order; other files and hidden folders are passed over. Throws
 * `not-found` (no folder, no class, no image), `invalid-data` (a file that cannot be decoded) or `cancelled`.
 */
export async function loadImageFolder(folder: string, options: ImageFolderOptions): Promise<ImageSet> {
  const { height, width, channels, signal } = options;
  for (const [name, value] of Object.entries({ height, width })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new MpoError("invalid-argument", `${name}: expected a whole number >= 1, got ${value}`);
    }
  }
  const { classNames, files } = await listImages(folder, signal);
  const length = height * width * channels;
  if (files.length * length > MOST_VALUES) {
    throw new MpoError(
      "invalid-argument",
      `${folder}: ${files.length} images of ${height}x${width}x${channels} are more than ${MOST_VALUES} values`,
      { hint: "Load a part of the folder, or choose a smaller height and width." },
    );
  }
  const images = new Float32Array(files.length * length);
  const labels = Int32Array.from(files, (file) => file.label);
  await forEachBounded(files.length, CONCURRENCY, async (i) => {
    throwIfAborted(signal);
    const pixels = await decodeImage(files[i]!.path, options);
    for (let p = 0; p < length; p++) images[i * length + p] = pixels[p]! / 255;
  });
  return { images, count: files.length, height, width, channels, labels, classNames };
}

async function listImages(
  folder: string,
  signal: AbortSignal | undefined,
): Promise<{ classNames: string[]; files: { path: string; label: number }[] }> {
  throwIfAborted(signal);
  const entries = await readdir(folder, { withFileTypes: true }).catch((thrown: unknown) => {
    throw fileError(thrown, "list", folder);
  });
  const classNames = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort();
  const files: { path: string; label: number }[] = [];
  for (const [label, name] of classNames.entries()) {
    const names = (await readdir(join(folder, name))).filter((file) => IMAGE_FILE.test(file)).sort();
    for (const file of names) files.push({ path: join(folder, name, file), label });
  }
  if (files.length === 0) {
    throw new MpoError("not-found", `${folder}: expected sub-folders with PNG or JPEG files, found none`, {
      hint: "Lay the images out as <folder>/<class name>/<image>.png.",
    });
  }
  return { classNames, files };
}

async function decodeImage(path: string, options: ImageFolderOptions): Promise<Uint8Array> {
  const { height, width, channels } = options;
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
    throw invalidData(path, 0, "a whole PNG or JPEG image", found, thrown);
  }
}
