import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { MpoError } from "@mpo/core";
import { fileError, throwIfAborted } from "@mpo/io";
import { unzipSync } from "fflate";
import { noted } from "../images/describe-classes.ts";
import { type ImageSet, takeImages } from "../images/image-set.ts";
import { type Part, partIndices } from "../images/part.ts";
import { invalidData } from "./data-error.ts";
import type { ReadOptions } from "./data-file.ts";
import { decodeNpy } from "./npy.ts";
import { npyImages, npyLabels, readNpyImages, readNpyLabels } from "./npy-images.ts";

/** Names under which an archive holds images and labels of a part (Keras' data sets, MedMNIST), the best first. */
const ARCHIVE_PARTS: Readonly<Record<Part, readonly (readonly [images: string, labels: string])[]>> = {
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
const ARCHIVE_WHOLE: readonly (readonly [images: string, labels: string])[] = [
  ["images", "labels"],
  ["x", "y"],
  ["arr_0", "arr_1"],
];

/**
 * Loads a part of a set of arrays: of a folder with `images.npy` (as `readNpyImages` takes it) and `labels.npy` (one for
 * each image, from 0), or of an `.npz` file, or a folder with one. Where nothing says which, a fifth is kept for testing.
 * An `.npy` file of images with `labels.npy` (or `NAME.labels.npy`) beside it, such as one of CIFAR-10-C, is a test part.
 * Throws as `readNpyImages` does.
 */
export async function loadArrays(path: string, part: Part, options: ReadOptions = {}): Promise<ImageSet> {
  const isFile = extname(path).toLowerCase() === ".npy";
  const archive = isFile ? undefined : await archiveAt(path);
  if (isFile && part === "train") {
    throw new MpoError("invalid-argument", `${path}: one file of images is a test part: there is none to train on`);
  }
  const { set, isPart } = isFile
    ? { set: await readTestFile(path, options), isPart: true }
    : archive === undefined
      ? { set: await readPair(join(path, "images.npy"), join(path, "labels.npy"), options), isPart: false }
      : await readArchive(archive, part, options);
  noted(set, archive ?? path, options);
  return isPart ? set : takeImages(set, partIndices(set.count, part));
}

interface Read {
  readonly set: ImageSet;
  /** It is the wanted part, and not yet to be split. */
  readonly isPart: boolean;
}

async function archiveAt(path: string): Promise<string | undefined> {
  if (extname(path).toLowerCase() === ".npz") return path;
  const names = await readdir(path).catch((thrown: unknown) => {
    throw fileError(thrown, "list", path);
  });
  const archives = names.filter((name) => extname(name).toLowerCase() === ".npz" && !name.startsWith("."));
  if (names.includes("images.npy") || archives.length === 0) return undefined;
  if (archives.length === 1) return join(path, archives[0]!);
  throw new MpoError("invalid-argument", `${path}: which of ${archives.join(", ")}? Name the file itself`);
}

async function readTestFile(path: string, options: ReadOptions): Promise<ImageSet> {
  const own = `${path.slice(0, -".npy".length)}.labels.npy`;
  const hasOwn = (await readdir(dirname(path))).includes(basename(own));
  return await readPair(path, hasOwn ? own : join(dirname(path), "labels.npy"), options);
}

async function readPair(imagesPath: string, labelsPath: string, options: ReadOptions): Promise<ImageSet> {
  const images = await readNpyImages(imagesPath, options);
  return labelled(images, await readNpyLabels(labelsPath, options), labelsPath);
}

async function readArchive(path: string, part: Part, { signal }: ReadOptions): Promise<Read> {
  throwIfAborted(signal);
  const bytes = await readFile(path).catch((thrown: unknown) => {
    throw fileError(thrown, "read", path);
  });
  const names: string[] = [];
  const unzip = (wanted: readonly string[]): Readonly<Record<string, Uint8Array>> => {
    try {
      return unzipSync(bytes, {
        filter: ({ name }) => {
          names.push(basename(name, ".npy"));
          return wanted.includes(name);
        },
      });
    } catch (thrown) {
      throw invalidData(path, 0, "an .npz archive", MpoError.from(thrown).message, thrown);
    }
  };
  unzip([]);
  const present = (pairs: readonly (readonly [string, string])[]): readonly [string, string] | undefined =>
    pairs.find((pair) => pair.every((name) => names.includes(name)));
  const ofPart = present(ARCHIVE_PARTS[part]);
  const hasTest = present(ARCHIVE_PARTS.test) !== undefined;
  const pair = ofPart ?? (hasTest ? undefined : (present(ARCHIVE_WHOLE) ?? present(ARCHIVE_PARTS.train)));
  if (pair === undefined) {
    const expected = part === "train" ? "x_train and y_train" : "x_test and y_test";
    throw invalidData(path, 0, `${expected}, or images and labels`, names.join(", ") || "nothing");
  }
  const files = unzip(pair.map((name) => `${name}.npy`));
  const [images, labels] = pair.map((name) => {
    const file = join(path, `${name}.npy`);
    return { file, bytes: files[`${name}.npy`]! };
  }) as [Archived, Archived];
  const set = npyImages(images.bytes, images.file);
  const numbers = npyLabels(decodeNpy(labels.bytes, labels.file), labels.file);
  return { set: labelled(set, numbers, labels.file), isPart: hasTest };
}

interface Archived {
  readonly file: string;
  readonly bytes: Uint8Array;
}

function labelled(set: ImageSet, labels: Int32Array, labelsPath: string): ImageSet {
  if (labels.length === set.count) return { ...set, labels };
  throw invalidData(labelsPath, 0, `${set.count} labels, as many as images`, String(labels.length));
}
