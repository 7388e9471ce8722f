import { extname, join } from "node:path";
import { MpoError } from "@mpo/core";
import { classCounts } from "../images/describe-classes.ts";
import { type ImageSet, type ImageShape, imageAt, shapeInWords } from "../images/image-set.ts";
import type { Part } from "../images/part.ts";
import { loadArrays } from "./array-set.ts";
import { loadCifar } from "./cifar.ts";
import { type ReadOptions, visibleNames } from "./data-file.ts";
import { loadIdxFolder } from "./idx-folder.ts";
import { partFolders } from "./image-folder.ts";
import { encodePng, pictureSize, readPicture } from "./picture.ts";
import { listPictures, outsideClasses } from "./picture-files.ts";
import type { SetFiles } from "./set-files.ts";
import { loadUciDigits, UCI_FILES } from "./uci-digits.ts";
import { loadUsps, USPS_FILES } from "./usps.ts";

/** A class of a part of a data set. */
export interface DescribedClass {
  /** `train`, `test` or the name of a part's folder; `all` where nothing is split. */
  readonly part: string;
  readonly name: string;
  readonly images: number;
  /** How many of those that were looked at have a height, width and channels such as `480x640x3`; the most frequent first. */
  readonly sizes: readonly (readonly [size: string, images: number])[];
  /** Those of the pictures that were looked at that cannot be read. */
  readonly unreadable: readonly string[];
  /** A few, as PNG files. */
  readonly samples: readonly Uint8Array[];
}

/** How a part of each data set that is no folder of pictures is loaded. */
export const SET_LOADERS = {
  npy: loadArrays,
  idx: loadIdxFolder,
  cifar10: (folder: string, part: Part, options?: ReadOptions) => loadCifar("cifar10", folder, part, options),
  cifar100: (folder: string, part: Part, options?: ReadOptions) => loadCifar("cifar100", folder, part, options),
  "uci-digits": loadUciDigits,
  usps: loadUsps,
} as const;

export interface DescribedData {
  readonly dataset: "folder" | keyof typeof SET_LOADERS;
  readonly classes: readonly DescribedClass[];
  /** How many files of each kind are no part of it. */
  readonly passedOver: ReadonlyMap<string, number>;
}

export interface DescribeOptions extends ReadOptions {
  /** Of each class. */
  readonly samples: number;
}

/** What a folder holds is seen by the names in it. */
const KINDS: readonly (readonly [DescribedData["dataset"], RegExp])[] = [
  ["npy", /\.np[yz]$/iu],
  ["idx", /[-.]idx[13]-ubyte(\.gz)?$/iu],
  ["cifar10", /^(data_batch_\d|test_batch)\.bin$/u],
  ["cifar100", /^(train|test)\.bin$/u],
  ["uci-digits", anyOf(UCI_FILES)],
  ["usps", anyOf(USPS_FILES)],
];
/** Pictures of a class whose sizes are read. */
const MOST_LOOKED_AT = 200;
const SAMPLE: ImageShape = { height: 64, width: 64, channels: 3 };

/**
 * Finds out what a folder of data (or an `.npy` or `.npz` file) is. A part that cannot be read is noted, where another can.
 * Throws as the readers do.
 */
export async function describeData(path: string, options: DescribeOptions): Promise<DescribedData> {
  const dataset = await datasetAt(path);
  if (dataset === "folder") return await describePictures(path, options);
  const classes: DescribedClass[] = [];
  const failures = new Map<string, unknown>();
  for (const part of ["train", "test"] as const) {
    try {
      classes.push(
        ...(await describeSet(part, await SET_LOADERS[dataset](path, part, { signal: options.signal }), options)),
      );
    } catch (thrown) {
      failures.set(part, thrown);
    }
  }
  for (const [part, thrown] of failures) {
    if (classes.length === 0) throw thrown;
    options.note?.(`no ${part} part: ${MpoError.from(thrown).message}`);
  }
  return { dataset, classes, passedOver: new Map() };
}

/** What a folder of data (or an `.npy` or `.npz` file) is, by the names in it; a folder of pictures where none is known. */
export async function datasetAt(path: string): Promise<DescribedData["dataset"]> {
  if (/^\.np[yz]$/iu.test(extname(path))) return "npy";
  const names = await visibleNames(path);
  return KINDS.find(([, pattern]) => names.some((name) => pattern.test(name)))?.[0] ?? "folder";
}

function anyOf({ train, test, whole }: SetFiles): RegExp {
  return new RegExp([train, test, whole].map(({ source }) => source).join("|"), "iu");
}

async function describeSet(part: string, set: ImageSet, { samples }: DescribeOptions): Promise<DescribedClass[]> {
  const size = shapeInWords(set);
  return await Promise.all(
    classCounts(set).map(async ([name, images], label): Promise<DescribedClass> => {
      const shown: number[] = [];
      for (let i = 0; i < set.count && shown.length < samples; i++) if (set.labels?.[i] === label) shown.push(i);
      const files = await Promise.all(shown.map((index) => encodePng(imageAt(set, index), set)));
      return { part, name, images, sizes: [[size, images]], unreadable: [], samples: files };
    }),
  );
}

async function describePictures(folder: string, { samples, signal }: DescribeOptions): Promise<DescribedData> {
  const parts = await partFolders(folder, signal);
  const classes: DescribedClass[] = [];
  const passedOver = new Map<string, number>();
  for (const part of parts.length === 0 ? ["all"] : parts) {
    const found = await listPictures(parts.length === 0 ? folder : join(folder, part), signal);
    for (const [kind, count] of outsideClasses(found)) passedOver.set(kind, (passedOver.get(kind) ?? 0) + count);
    for (const { name, files } of found.classes) {
      const { sizes, unreadable, readable } = await lookAt(evenly(files, MOST_LOOKED_AT), signal);
      const shown = evenly(readable, samples).map(async (path) => {
        const pixels = Float32Array.from(await readPicture(path, SAMPLE), (value) => value / 255);
        return await encodePng(pixels, SAMPLE);
      });
      classes.push({ part, name, images: files.length, sizes, unreadable, samples: await Promise.all(shown) });
    }
  }
  return { dataset: "folder", classes, passedOver };
}

interface Looked extends Pick<DescribedClass, "sizes" | "unreadable"> {
  readonly readable: readonly string[];
}

async function lookAt(files: readonly string[], signal: AbortSignal | undefined): Promise<Looked> {
  const sizes = new Map<string, number>();
  const unreadable: string[] = [];
  for (const path of files) {
    signal?.throwIfAborted();
    const shape = await pictureSize(path).catch(() => undefined);
    if (shape === undefined) unreadable.push(path);
    else {
      const size = shapeInWords(shape);
      sizes.set(size, (sizes.get(size) ?? 0) + 1);
    }
  }
  const readable = files.filter((path) => !unreadable.includes(path));
  return { sizes: [...sizes].sort(([, left], [, right]) => right - left), unreadable, readable };
}

/** At most so many, from all over the list. */
function evenly<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  return Array.from({ length: most }, (_, i) => all[Math.floor((i * all.length) / most)]!);
}
