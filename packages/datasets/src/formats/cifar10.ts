import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { noted } from "../images/describe-classes.ts";
import type { ImageSet } from "../images/image-set.ts";
import type { Part } from "../images/part.ts";
import { invalidData } from "./data-error.ts";
import { type ReadOptions, readRange, withFile } from "./data-file.ts";

/** Class names of CIFAR-10 (Krizhevsky 2009), by label. */
export const CIFAR10_CLASSES: readonly string[] =
  "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck".split(", ");

const SIDE = 32;
const CHANNELS = 3;
const PLANE = SIDE * SIDE;
const IMAGE = PLANE * CHANNELS;
// One label byte, then the red, green and blue planes.
const RECORD = 1 + IMAGE;

const FILES: Readonly<Record<Part, readonly string[]>> = {
  train: [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`),
  test: ["test_batch.bin"],
};

/**
 * Loads a part of the binary version of CIFAR-10 from a folder with `data_batch_1.bin` .. `data_batch_5.bin` or
 * `test_batch.bin`; class names come from `batches.meta.txt` where it is there. Throws `not-found`, `invalid-data` or
 * `cancelled`.
 */
export async function loadCifar10(folder: string, part: Part, options: ReadOptions = {}): Promise<ImageSet> {
  const classNames = await readClassNames(join(folder, "batches.meta.txt"));
  const paths = FILES[part].map((name) => join(folder, name));
  return noted(await readCifar10Batches(paths, { ...options, classNames }), folder, options);
}

/** Reads CIFAR-10 batch files one after the other into one set of 32x32x3. Throws as `loadCifar10` does. */
export async function readCifar10Batches(
  paths: readonly string[],
  options: ReadOptions & { readonly classNames?: readonly string[] } = {},
): Promise<ImageSet> {
  const classNames = options.classNames ?? CIFAR10_CLASSES;
  let count = 0;
  for (const path of paths) {
    count += await withFile(path, options, (_, sizeBytes) => Promise.resolve(recordCount(sizeBytes, path)));
  }
  const images = new Float32Array(count * IMAGE);
  const labels = new Int32Array(count);
  let at = 0;
  for (const path of paths) {
    const bytes = await withFile(path, options, (file, sizeBytes) => readRange(file, 0, sizeBytes, path));
    const records = recordCount(bytes.length, path);
    if (at + records > count) throw new MpoError("conflict", `${path}: grew while it was read; read it again`);
    decodeRecords(bytes, path, classNames, images.subarray(at * IMAGE), labels.subarray(at));
    at += records;
  }
  if (at !== count) throw new MpoError("conflict", `${paths.join(", ")}: shrank while being read; read them again`);
  return { images, count, height: SIDE, width: SIDE, channels: CHANNELS, labels, classNames };
}

function recordCount(sizeBytes: number, file: string): number {
  const count = Math.floor(sizeBytes / RECORD);
  if (count < 1 || count * RECORD !== sizeBytes) {
    throw invalidData(
      file,
      count * RECORD,
      `records of ${RECORD} bytes (label and 32x32x3)`,
      `${sizeBytes - count * RECORD} bytes after ${count} whole records`,
    );
  }
  return count;
}

function decodeRecords(
  bytes: Uint8Array,
  file: string,
  classNames: readonly string[],
  images: Float32Array,
  labels: Int32Array,
): void {
  for (let start = 0, i = 0; start < bytes.length; start += RECORD, i++) {
    const label = bytes[start]!;
    if (label >= classNames.length) {
      const expected = `a label in 0..${classNames.length - 1}`;
      throw invalidData(file, start, expected, String(label));
    }
    labels[i] = label;
    for (let channel = 0; channel < CHANNELS; channel++) {
      const plane = start + 1 + channel * PLANE;
      for (let p = 0; p < PLANE; p++) images[i * IMAGE + p * CHANNELS + channel] = bytes[plane + p]! / 255;
    }
  }
}

async function readClassNames(path: string): Promise<readonly string[]> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return CIFAR10_CLASSES;
  const names = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (names.length !== CIFAR10_CLASSES.length) {
    throw invalidData(path, 0, `${CIFAR10_CLASSES.length} lines with a class name each`, `${names.length} lines`);
  }
  return names;
}
