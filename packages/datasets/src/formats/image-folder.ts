import { stat } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { forEachBounded, throwIfAborted } from "@mpo/io";
import { describeClasses, describePassedOver } from "../images/describe-classes.ts";
import { type ImageSet, shapeInWords } from "../images/image-set.ts";
import { type Part, partIndices } from "../images/part.ts";
import type { ReadOptions } from "./data-file.ts";
import { PICTURE_FILE, PICTURE_KINDS, type PictureForm, pictureSize, readPicture } from "./picture.ts";
import { folderNames, listPictures, outsideClasses, type PictureFiles } from "./picture-files.ts";
import { describeResizing } from "./resizing.ts";

/** Values of a whole set; more would not fit in one array. */
const MOST_VALUES = 2 ** 30;
const CONCURRENCY = 4;
/** Names of folders that hold a part of a set, the best first. */
const PART_FOLDERS: Readonly<Record<Part, readonly string[]>> = {
  train: ["train", "training"],
  test: ["test", "testing", "val", "valid", "validation"],
};

export interface ImageFolderOptions extends ReadOptions, PictureForm {
  /** Absent: all pictures, and folders called `train` or `test` are classes as others are. */
  readonly part?: Part;
}

/**
 * Loads pictures from one sub-folder a class (the folder names, sorted, are the class names), each brought to height x
 * width, in sorted order. Folders `train` and `test` (or `val`) are taken as these parts; without them a fifth of the
 * pictures is kept for testing. Throws `not-found` (no folder, no class, no picture), `invalid-data` (a class without
 * pictures, a file that cannot be decoded) or `cancelled`.
 */
export async function loadImageFolder(folder: string, options: ImageFolderOptions): Promise<ImageSet> {
  const { part, signal } = options;
  const place = await placeOf(folder, part, signal);
  const found = await listPictures(place.folder, signal);
  const line = requireAll(place.folder, found);
  const all = found.classes.flatMap(({ files }, label) => files.map((path) => ({ path, label })));
  const files = partIndices(all.length, place.split).map((index) => all[index]!);
  const split = place.split === undefined ? "" : `; a fifth is kept for testing: ${files.length} to ${part}`;
  options.note?.(`${place.folder}: ${line}${split}${place.aside}`);
  const images = await readPictures(
    files.map(({ path }) => path),
    folder,
    options,
  );
  const labels = Int32Array.from(files, ({ label }) => label);
  return { ...images, labels, classNames: found.classes.map(({ name }) => name) };
}

/** Loads the pictures at any depth of a folder, or one, without labels. Throws as `loadImageFolder` does. */
export async function loadPictures(folder: string, options: ImageFolderOptions): Promise<ImageSet> {
  if ((await stat(folder).catch(() => undefined))?.isFile() === true) {
    if (PICTURE_FILE.test(folder)) return await readPictures([folder], folder, options);
    throw new MpoError("invalid-argument", `${folder}: expected a folder or a file of ${PICTURE_KINDS}`);
  }
  const { classes, loose, passedOver } = await listPictures(folder, options.signal);
  const files = [...loose, ...classes.flatMap((pictures) => pictures.files)];
  if (files.length === 0) throw new MpoError("not-found", `${folder}: expected ${PICTURE_KINDS} files, found none`);
  if (passedOver.size > 0) options.note?.(`${folder}: ${files.length} pictures${describePassedOver(passedOver)}`);
  return await readPictures(files, folder, options);
}

async function readPictures(files: readonly string[], folder: string, options: ImageFolderOptions): Promise<ImageSet> {
  const { height, width, channels, signal } = options;
  if (![height, width].every((side) => Number.isSafeInteger(side) && side >= 1) || ![1, 3].includes(channels)) {
    const wanted = `pictures cannot become ${shapeInWords(options)}`;
    throw new MpoError("invalid-argument", `${folder}: ${wanted}: expected whole sides from 1, and 1 or 3 channels`, {
      hint: "Give arrays (.npy) to a model that takes no pictures.",
    });
  }
  const length = height * width * channels;
  if (files.length * length > MOST_VALUES) {
    throw new MpoError(
      "invalid-argument",
      `${folder}: ${files.length} images of ${shapeInWords(options)} are more than ${MOST_VALUES} values`,
      { hint: "Load a part of the folder, or choose a smaller height and width." },
    );
  }
  const images = new Float32Array(files.length * length);
  await forEachBounded(files.length, CONCURRENCY, async (i) => {
    throwIfAborted(signal);
    const pixels = await readPicture(files[i]!, options);
    for (let p = 0; p < length; p++) images[i * length + p] = pixels[p]! / 255;
  });
  await noteResizing(files[0], options);
  return { images, count: files.length, height, width, channels };
}

/** Says how pictures are brought to size where not all of it is stated: by the first, which seldom is the only one. */
async function noteResizing(first: string | undefined, options: ImageFolderOptions): Promise<void> {
  const { height, width, fit, filter, note } = options;
  if (note === undefined || first === undefined || (fit !== undefined && filter !== undefined)) return;
  const found = await pictureSize(first);
  if (found.height === height && found.width === width) return;
  note(`pictures are brought to ${height}x${width}: ${describeResizing(options)} (--input-fit, --input-filter)`);
}

/** Names of the folders that hold the parts of a set; none where its sub-folders are classes. */
export async function partFolders(folder: string, signal?: AbortSignal): Promise<readonly string[]> {
  const names = await folderNames(folder, signal);
  const known = Object.values(PART_FOLDERS).flat();
  if (!names.every((name) => known.includes(name.toLowerCase()))) return [];
  // A folder of pictures only is a class that happens to have such a name.
  const inside = await Promise.all(names.map((name) => folderNames(join(folder, name), signal)));
  return inside.some((classes) => classes.length === 0) ? [] : names;
}

/** Where a part lies, what is still to be split there, and what is said of folders beside it. */
interface Place {
  readonly folder: string;
  readonly split: Part | undefined;
  readonly aside: string;
}

async function placeOf(folder: string, part: Part | undefined, signal: AbortSignal | undefined): Promise<Place> {
  const names = part === undefined ? [] : await partFolders(folder, signal);
  if (part === undefined || names.length === 0) return { folder, split: part, aside: "" };
  const named = (wanted: Part): string | undefined =>
    PART_FOLDERS[wanted].map((name) => names.find((found) => found.toLowerCase() === name)).find((name) => name);
  const isSplit = named("test") !== undefined;
  const chosen = isSplit ? named(part) : named("train");
  if (chosen === undefined) {
    throw new MpoError("not-found", `${folder}: there is no folder to train on, only ${names.join(", ")}`);
  }
  const unused = names.filter((name) => name !== named("train") && name !== named("test"));
  const aside = unused.length === 0 ? "" : `; ${unused.join(", ")} not used`;
  return { folder: join(folder, chosen), split: isSplit ? undefined : part, aside };
}

/** The line that says what was found. Throws where there is no class, or one without pictures. */
function requireAll(folder: string, found: PictureFiles): string {
  const { classes } = found;
  const line = describeClasses(
    classes.map(({ name, files }) => [name, files.length]),
    outsideClasses(found),
  );
  const empty = classes.filter(({ files }) => files.length === 0).map(({ name }) => name);
  if (empty.length === classes.length) {
    throw new MpoError(
      "not-found",
      `${folder}: expected sub-folders with ${PICTURE_KINDS} files, found none: ${line}`,
      { hint: "Lay the pictures out as FOLDER/CLASS/PICTURE.png." },
    );
  }
  if (empty.length === 0) return line;
  throw new MpoError("invalid-data", `${folder}: no pictures of ${empty.join(", ")}: ${line}`, {
    hint: `Put ${PICTURE_KINDS} files there, or remove the folder.`,
  });
}
