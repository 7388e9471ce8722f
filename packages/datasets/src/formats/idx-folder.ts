import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { throwIfAborted } from "@mpo/io";
import { noted } from "../images/describe-classes.ts";
import type { ImageSet } from "../images/image-set.ts";
import type { Part } from "../images/part.ts";
import { invalidData } from "./data-error.ts";
import { type ReadOptions, visibleNames } from "./data-file.ts";
import { readIdxImages, readIdxLabels } from "./idx.ts";

/** What the files of a part are called. */
const FILE_PARTS: Readonly<Record<Part, string>> = { train: "train", test: "(?:t10k|test)" };

/**
 * Loads a part of a set of MNIST's kind from a folder with the IDX files `train-images-idx3-ubyte`,
 * `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`; with a dot before `idx`, another name
 * in front (as EMNIST's `emnist-letters-train-...`) or `.gz` at the end as well. Throws `not-found`, `invalid-argument` (more
 * than one set), `invalid-data` or `cancelled`.
 */
export async function loadIdxFolder(
  folder: string,
  part: Part,
  options: ReadOptions & { readonly classNames?: readonly string[] } = {},
): Promise<ImageSet> {
  const { classNames, signal } = options;
  throwIfAborted(signal);
  const names = await visibleNames(folder);
  const imagesPath = join(folder, idxFile(folder, names, part, "images", 3));
  const labelsPath = join(folder, idxFile(folder, names, part, "labels", 1));
  const images = await readIdxImages(imagesPath, options);
  const labels = await readIdxLabels(labelsPath, options);
  if (labels.length !== images.count) {
    throw invalidData(
      labelsPath,
      4,
      `${images.count} labels, as many as images in ${imagesPath}`,
      String(labels.length),
    );
  }
  if (classNames === undefined) return noted({ ...images, labels }, folder, options);
  const bad = labels.findIndex((label) => label >= classNames.length);
  if (bad >= 0) throw invalidData(labelsPath, 8 + bad, `a label in 0..${classNames.length - 1}`, String(labels[bad]));
  return noted({ ...images, labels, classNames }, folder, options);
}

/** The file of a part; plain rather than `.gz` where both are there. */
function idxFile(folder: string, names: readonly string[], part: Part, kind: string, dimensions: number): string {
  const wanted = new RegExp(`^(.*[-_.])?${FILE_PARTS[part]}-${kind}[-.]idx${dimensions}-ubyte(\\.gz)?$`, "iu");
  const found = names.filter((name) => wanted.test(name)).sort();
  const plain = found.filter((name, index) => index === 0 || name !== `${found[index - 1]}.gz`);
  if (plain.length === 1) return plain[0]!;
  if (plain.length > 1) {
    throw new MpoError("invalid-argument", `${folder}: which of ${plain.join(", ")}?`, {
      hint: "Put the files of one set into a folder of their own.",
    });
  }
  const usual = `${part === "train" ? "train" : "t10k"}-${kind}-idx${dimensions}-ubyte[.gz]`;
  throw new MpoError("not-found", `${join(folder, usual)}: no such file`);
}
