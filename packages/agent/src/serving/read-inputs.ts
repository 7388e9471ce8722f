import { stat } from "node:fs/promises";
import { given, MpoError } from "@mpo/core";
import {
  type ImageSet,
  loadPictures,
  type PictureForm,
  readNpy,
  readNpyImages,
  readNpyLabels,
  shapeInWords,
} from "@mpo/datasets";
import { ifFound } from "@mpo/io";
import { sideFile } from "./input-batch.ts";

export interface ReadInputs {
  readonly set: ImageSet;
  /** Probabilities `[count, classes]`. */
  readonly predictions?: Float32Array;
  readonly labels?: Int32Array;
}

/**
 * Reads a batch (see `InputBatch`). Throws `invalid-data` for what is no batch or not of this shape, `not-found`. What is
 * passed over in a folder is noted. Names of its sub-folders are whatever the program chose, and no labels.
 */
export async function readInputs(path: string, shape: PictureForm, note?: (line: string) => void): Promise<ReadInputs> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  if (isFolder) return { set: await loadPictures(path, { ...shape, note }) };
  const set = await readNpyImages(path);
  const [found, taken] = [set, shape].map(shapeInWords);
  if (found !== taken) {
    throw new MpoError("invalid-data", `${path} has inputs of ${found}; the model takes ${taken}`);
  }
  const [predictions, labels] = await Promise.all([
    ifFound(readProbabilities(sideFile(path, "predictions"), set.count)),
    ifFound(readNpyLabels(sideFile(path, "labels"))),
  ]);
  return {
    set,
    ...given({ predictions, labels: labels?.length === set.count ? labels : undefined }),
  };
}

/** Probabilities of all classes: of two, where the program wrote what one sigmoid gives. Undefined: it wrote others. */
async function readProbabilities(path: string, count: number): Promise<Float32Array | undefined> {
  const { shape, data } = await readNpy(path);
  if (shape.length !== 2 || shape[0] !== count) return undefined;
  const values = Float32Array.from(data as ArrayLike<number>, Number);
  if (!values.every((value) => value >= 0 && value <= 1)) return undefined;
  return shape[1] === 1 ? Float32Array.from([...values].flatMap((second) => [1 - second, second])) : values;
}
