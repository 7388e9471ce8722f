import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { type ImageSet, takeImages } from "../images/image-set.ts";
import { type Part, partIndices } from "../images/part.ts";
import { visibleNames } from "./data-file.ts";

/** How the files of a set are called: of each part, or of all of it. */
export type SetFiles = Readonly<Record<Part | "whole", RegExp>>;

/**
 * Finds the file of a part of a set. One that holds all of it is split, a fifth for testing, where no file is a part's.
 * Throws `not-found`, and `invalid-argument` where several could be meant.
 */
export async function partFile(
  folder: string,
  part: Part,
  files: SetFiles,
  usual: string,
): Promise<{ readonly path: string; readonly split: (set: ImageSet) => ImageSet }> {
  const names = await visibleNames(folder);
  const matching = (pattern: RegExp): readonly string[] => names.filter((name) => pattern.test(name)).toSorted();
  const ofPart = matching(files[part]);
  const isSplit = [files.train, files.test].some((pattern) => matching(pattern).length > 0);
  const found = ofPart.length > 0 || isSplit ? ofPart : matching(files.whole);
  const [name] = found;
  if (name === undefined) throw new MpoError("not-found", `${folder}: there is no ${part} part; expected ${usual}`);
  if (found.length > 1) {
    throw new MpoError("invalid-argument", `${folder}: which of ${found.join(", ")}?`, {
      hint: "Put the files of one set into a folder of their own.",
    });
  }
  const isWhole = ofPart.length === 0;
  const split = (set: ImageSet): ImageSet => (isWhole ? takeImages(set, partIndices(set.count, part)) : set);
  return { path: join(folder, name), split };
}
