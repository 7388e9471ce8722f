import { readFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { MpoError } from "@mpo/core";
import { fileError, throwIfAborted } from "@mpo/io";
import type { Unzipped } from "fflate";
import { noted } from "../images/describe-classes.ts";
import { type ImageSet, takeImages } from "../images/image-set.ts";
import { type Part, partIndices } from "../images/part.ts";
import { invalidData } from "./data-error.ts";
import { type ReadOptions, visibleNames } from "./data-file.ts";
import { decodeNpy } from "./npy.ts";
import { npyImages, npyLabels, readNpyImages, readNpyLabels } from "./npy-images.ts";

/** Names of an array of images and one of their labels. */
type Pair = readonly [images: string, labels: string];

/** Names that the arrays of a part have (in Keras' data sets, in MedMNIST), the best first; case does not matter. */
const PART_PAIRS: Readonly<Record<Part, readonly Pair[]>> = {
  train: [
    ["x_train", "y_train"],
    ["train_images", "train_labels"],
  ],
  test: [
    ["x_test", "y_test"],
    ["test_images", "test_labels"],
    ["x_val", "y_val"],
    ["val_images", "val_labels"],
  ],
};
/** Names of a whole set. */
const WHOLE_PAIRS: readonly Pair[] = [
  ["images", "labels"],
  ["x", "y"],
  ["arr_0", "arr_1"],
];

/** Arrays that lie together. */
interface Arrays {
  readonly place: string;
  /** Without `.npy`. */
  readonly names: readonly string[];
  images(name: string): Promise<ImageSet>;
  labels(name: string): Promise<Int32Array>;
}

/**
 * Loads a part of a set of arrays, which lie as `.npy` files in a folder or in an `.npz` file: `images` (as `readNpyImages`
 * takes it) and `labels` (one for each image, from 0), or `x_train`, `y_train`, `x_test` and `y_test`. Where nothing says
 * which, a fifth is kept for testing. An `.npy` file of images with `labels.npy` (or `NAME.labels.npy`) beside it, such as
 * one of CIFAR-10-C, is a test part. Throws as `readNpyImages` does.
 */
export async function loadArrays(path: string, part: Part, options: ReadOptions = {}): Promise<ImageSet> {
  throwIfAborted(options.signal);
  if (extname(path).toLowerCase() === ".npy") return await loadTestFile(path, part, options);
  const arrays = await arraysAt(path, options);
  const names = new Map(arrays.names.map((name) => [name.toLowerCase(), name]));
  const present = (pairs: readonly Pair[]): Pair | undefined =>
    pairs
      .map(([images, labels]): Pair => [names.get(images) ?? "", names.get(labels) ?? ""])
      .find((pair) => !pair.includes(""));
  const hasTest = present(PART_PAIRS.test) !== undefined;
  const pair = present(PART_PAIRS[part]) ?? (hasTest ? undefined : present([...WHOLE_PAIRS, ...PART_PAIRS.train]));
  if (pair === undefined) {
    const expected = part === "train" ? "x_train and y_train" : "x_test and y_test";
    const found = arrays.names.join(", ") || "none";
    throw new MpoError(
      "not-found",
      `${arrays.place}: expected arrays ${expected}, or images and labels, found ${found}`,
      { hint: 'Give them these names, as np.savez("set.npz", images=..., labels=...) does.' },
    );
  }
  const set = noted(await labelled(arrays, pair), arrays.place, options);
  return hasTest ? set : takeImages(set, partIndices(set.count, part));
}

async function loadTestFile(path: string, part: Part, options: ReadOptions): Promise<ImageSet> {
  if (part === "train") {
    throw new MpoError("invalid-argument", `${path}: one file of images is a test part: there is none to train on`);
  }
  const arrays = await arraysAt(dirname(path), options, true);
  const name = basename(path, ".npy");
  const own = `${name}.labels`;
  return noted(await labelled(arrays, [name, arrays.names.includes(own) ? own : "labels"]), path, options);
}

async function labelled(arrays: Arrays, [imagesName, labelsName]: Pair): Promise<ImageSet> {
  const images = await arrays.images(imagesName);
  requireBright(images, join(arrays.place, `${imagesName}.npy`));
  const labels = await arrays.labels(labelsName);
  if (labels.length === images.count) return { ...images, labels };
  const file = join(arrays.place, `${labelsName}.npy`);
  throw invalidData(file, 0, `${images.count} labels, as many as images`, String(labels.length));
}

/** Throws where no value is above 1 of 255: such a set is one of integers 0 and 1, or was divided by 255 twice. */
function requireBright({ images }: ImageSet, file: string): void {
  if (images.some((value) => value > 1.5 / 255)) return;
  const hint = 'Integers 0 and 1: write images.astype("float32") instead. Divided by 255 twice: do it once.';
  throw invalidData(file, 0, "images that are not all black", "no value above 1 of 255", { hint });
}

async function arraysAt(path: string, options: ReadOptions, isPlain = false): Promise<Arrays> {
  if (extname(path).toLowerCase() === ".npz") return await archiveAt(path);
  const files = await visibleNames(path);
  const [names = [], archives = []] = [".npy", ".npz"].map((extension) =>
    files.filter((name) => extname(name) === extension),
  );
  if (names.length === 0 && archives.length === 1 && !isPlain) return await archiveAt(join(path, archives[0]!));
  if (names.length === 0 && archives.length > 1) {
    throw new MpoError("invalid-argument", `${path}: which of ${archives.join(", ")}? Name the file itself`);
  }
  return {
    place: path,
    names: names.map((name) => basename(name, ".npy")),
    images: (name) => readNpyImages(join(path, `${name}.npy`), options),
    labels: (name) => readNpyLabels(join(path, `${name}.npy`), options),
  };
}

async function archiveAt(path: string): Promise<Arrays> {
  const bytes = await readFile(path).catch((thrown: unknown) => {
    throw fileError(thrown, "read", path);
  });
  const { unzipSync } = await import("fflate");
  const unzip = (isWanted: (name: string) => boolean): Unzipped => {
    try {
      return unzipSync(bytes, { filter: ({ name }) => isWanted(name) });
    } catch (thrown) {
      throw invalidData(path, 0, "an .npz archive", MpoError.from(thrown).message, { cause: thrown });
    }
  };
  const names: string[] = [];
  unzip((name) => {
    names.push(basename(name, ".npy"));
    return false;
  });
  const read = (name: string): readonly [bytes: Uint8Array, file: string] => {
    const file = `${name}.npy`;
    return [unzip((found) => found === file)[file] ?? new Uint8Array(0), join(path, file)];
  };
  return {
    place: path,
    names,
    images: (name) => Promise.resolve(npyImages(...read(name))),
    labels: (name) => {
      const [content, file] = read(name);
      return Promise.resolve(npyLabels(decodeNpy(content, file), file));
    },
  };
}
