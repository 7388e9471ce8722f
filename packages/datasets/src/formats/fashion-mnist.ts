import { access } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { MpoError } from "@mpo/core";
import { throwIfAborted } from "@mpo/io";
import { noted } from "../images/describe-classes.ts";
import type { ImageSet } from "../images/image-set.ts";
import type { Part } from "../images/part.ts";
import type { ReadOptions } from "./data-file.ts";
import { readIdxImages, readIdxLabels } from "./idx.ts";

/** Class names of Fashion-MNIST (Xiao et al. 2017), by label. */
export const FASHION_MNIST_CLASSES: readonly string[] =
  "T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot".split(", ");

/** The environment variables that say where data is kept. */
export interface DataEnvironment {
  readonly MPO_FASHION_MNIST?: string | undefined;
  readonly MPO_CACHE?: string | undefined;
  readonly XDG_CACHE_HOME?: string | undefined;
}

/**
 * The user's cache folder, as the set-up fills it: MPO_CACHE, or `mpoptimizer` in XDG_CACHE_HOME or ~/.cache. Empty
 * counts as unset, and so does a relative XDG_CACHE_HOME, as its rules say.
 */
export function cacheFolder(env: DataEnvironment, home: string): string {
  if (env.MPO_CACHE) return resolve(env.MPO_CACHE);
  const base = env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : join(home, ".cache");
  return join(base, "mpoptimizer");
}

/** The folder of the four Fashion-MNIST files: MPO_FASHION_MNIST, or `fashion-mnist` in the user's cache folder. */
export function fashionMnistFolder(env: DataEnvironment, home: string): string {
  return env.MPO_FASHION_MNIST ? resolve(env.MPO_FASHION_MNIST) : join(cacheFolder(env, home), "fashion-mnist");
}

/** What the files of a part are called. */
const FILE_PARTS: Readonly<Record<Part, string>> = { train: "train", test: "t10k" };

/**
 * Loads a part of Fashion-MNIST, or of MNIST, from a folder with the IDX files `{train,t10k}-{images-idx3,labels-idx1}-ubyte`,
 * plain or `.gz`. MNIST has other class names: pass them. Throws `not-found` (with what to do), `invalid-data` or `cancelled`.
 */
export async function loadFashionMnist(
  folder: string,
  part: Part,
  options: ReadOptions & { readonly classNames?: readonly string[] } = {},
): Promise<ImageSet> {
  const { classNames = FASHION_MNIST_CLASSES } = options;
  throwIfAborted(options.signal);
  const imagesPath = await plainOrGzip(join(folder, `${FILE_PARTS[part]}-images-idx3-ubyte`));
  const labelsPath = await plainOrGzip(join(folder, `${FILE_PARTS[part]}-labels-idx1-ubyte`));
  const images = await readIdxImages(imagesPath, options);
  const labels = await readIdxLabels(labelsPath, options);
  if (labels.length !== images.count) {
    throw new MpoError(
      "invalid-data",
      `${labelsPath}: at byte 4: expected ${images.count} labels, as many as images in ${imagesPath}, found ${labels.length}`,
    );
  }
  const bad = labels.findIndex((label) => label >= FASHION_MNIST_CLASSES.length);
  if (bad >= 0) {
    throw new MpoError(
      "invalid-data",
      `${labelsPath}: at byte ${8 + bad}: expected a label in 0..${FASHION_MNIST_CLASSES.length - 1}, found ${labels[bad]}`,
    );
  }
  return noted({ ...images, labels, classNames }, folder, options);
}

async function plainOrGzip(path: string): Promise<string> {
  for (const candidate of [path, `${path}.gz`]) {
    const there = await access(candidate).then(
      () => true,
      () => false,
    );
    if (there) return candidate;
  }
  throw new MpoError("not-found", `${path}[.gz]: no such file`, {
    hint: "Run `npm run setup` to fetch Fashion-MNIST, or point MPO_FASHION_MNIST at the folder that holds it.",
  });
}
