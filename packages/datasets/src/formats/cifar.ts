import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { given, MpoError } from "@mpo/core";
import { noted } from "../images/describe-classes.ts";
import type { ImageSet } from "../images/image-set.ts";
import type { Part } from "../images/part.ts";
import { invalidData } from "./data-error.ts";
import { type ReadOptions, readRange, withFile } from "./data-file.ts";

/** Class names of CIFAR-10 (Krizhevsky 2009), by label. */
export const CIFAR10_CLASSES: readonly string[] =
  "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck".split(", ");

/** One of the two sets, as the files of its binary version are. */
interface CifarSet {
  readonly files: Readonly<Record<Part, readonly string[]>>;
  /** A record begins with so many labels, of which the last counts. */
  readonly labelBytes: number;
  readonly classes: number;
  readonly namesFile: string;
  /** Where the file of names is not there. */
  readonly classNames?: readonly string[];
}

const SETS: Readonly<Record<"cifar10" | "cifar100", CifarSet>> = {
  cifar10: {
    files: { train: [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`), test: ["test_batch.bin"] },
    ...{ labelBytes: 1, classes: 10, namesFile: "batches.meta.txt", classNames: CIFAR10_CLASSES },
  },
  // The first label is that of one of 20 coarse classes.
  cifar100: {
    files: { train: ["train.bin"], test: ["test.bin"] },
    ...{ labelBytes: 2, classes: 100, namesFile: "fine_label_names.txt" },
  },
};

const SIDE = 32;
const CHANNELS = 3;
const PLANE = SIDE * SIDE;
const IMAGE = PLANE * CHANNELS;

/**
 * Loads a part of the binary version of CIFAR-10 or CIFAR-100 from a folder with its files (`test_batch.bin`, `train.bin`
 * and so on) as one set of 32x32x3; the files of the other part are not needed. Class names come from `batches.meta.txt` or
 * `fine_label_names.txt` where it is there. Throws `not-found`, `invalid-data` or `cancelled`.
 */
export async function loadCifar(
  name: keyof typeof SETS,
  folder: string,
  part: Part,
  options: ReadOptions = {},
): Promise<ImageSet> {
  const { files, labelBytes, ...kind } = SETS[name];
  const paths = files[part].map((file) => join(folder, file));
  const classNames = await readClassNames(join(folder, kind.namesFile), kind);
  let count = 0;
  for (const path of paths) {
    const records = (sizeBytes: number): number => recordCount(sizeBytes, labelBytes, path);
    count += await withFile(path, options, (_, sizeBytes) => Promise.resolve(records(sizeBytes)));
  }
  const images = new Float32Array(count * IMAGE);
  const labels = new Int32Array(count);
  let at = 0;
  for (const path of paths) {
    const bytes = await withFile(path, options, (file, sizeBytes) => readRange(file, 0, sizeBytes, path));
    const records = recordCount(bytes.length, labelBytes, path);
    if (at + records > count) throw new MpoError("conflict", `${path}: grew while it was read; read it again`);
    decodeRecords(bytes, path, SETS[name], images.subarray(at * IMAGE), labels.subarray(at));
    at += records;
  }
  if (at !== count) throw new MpoError("conflict", `${paths.join(", ")}: shrank while being read; read them again`);
  const set = { images, count, height: SIDE, width: SIDE, channels: CHANNELS, labels, ...given({ classNames }) };
  return noted(set, folder, options);
}

function recordCount(sizeBytes: number, labelBytes: number, file: string): number {
  const recordBytes = labelBytes + IMAGE;
  const count = Math.floor(sizeBytes / recordBytes);
  if (count < 1 || count * recordBytes !== sizeBytes) {
    throw invalidData(
      file,
      count * recordBytes,
      `records of ${recordBytes} bytes (label and 32x32x3)`,
      `${sizeBytes - count * recordBytes} bytes after ${count} whole records`,
    );
  }
  return count;
}

/** A record is its labels, then the red, green and blue planes. */
function decodeRecords(
  bytes: Uint8Array,
  file: string,
  { labelBytes, classes }: CifarSet,
  images: Float32Array,
  labels: Int32Array,
): void {
  for (let start = 0, i = 0; start < bytes.length; start += labelBytes + IMAGE, i++) {
    const pixels = start + labelBytes;
    const label = bytes[pixels - 1]!;
    if (label >= classes) throw invalidData(file, pixels - 1, `a label in 0..${classes - 1}`, String(label));
    labels[i] = label;
    for (let channel = 0; channel < CHANNELS; channel++) {
      const plane = pixels + channel * PLANE;
      for (let p = 0; p < PLANE; p++) images[i * IMAGE + p * CHANNELS + channel] = bytes[plane + p]! / 255;
    }
  }
}

async function readClassNames(
  path: string,
  { classes, classNames }: Pick<CifarSet, "classes" | "classNames">,
): Promise<readonly string[] | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return classNames;
  const names = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (names.length !== classes) {
    throw invalidData(path, 0, `${classes} lines with a class name each`, `${names.length} lines`);
  }
  return names;
}
