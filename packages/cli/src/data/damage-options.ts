import { resolve } from "node:path";
import { MpoError } from "@mpo/core";
import { type CorruptionOptions, loadFrostPictures } from "@mpo/datasets";
import type { Files, Output, Stop } from "../command-context.ts";

/** Which frost a command blends over images. */
export interface FrostOptions {
  /** Folder of the authors' photographs; left out: drawn ice. */
  readonly frostPictures?: string;
}

/**
 * How a command damages images by these corruptions; says which frost it is where that is one of them. Throws
 * `invalid-argument` when pictures are named and nothing is frosted, or what `loadFrostPictures` throws.
 */
export async function damageOptions(
  corruptions: readonly string[],
  { frostPictures: folder }: FrostOptions,
  { terminal, workingFolder, signal }: Files & Output & Stop,
): Promise<CorruptionOptions> {
  const isFrosted = corruptions.includes("frost");
  if (folder === undefined) {
    if (isFrosted) terminal.note("frost: drawn ice; --frost-pictures FOLDER blends the authors' photographs");
    return { signal };
  }
  if (!isFrosted) {
    throw new MpoError("invalid-argument", "--frost-pictures would be ignored: no images are damaged by frost", {
      hint: "Leave it out, or choose the corruption frost.",
    });
  }
  const path = resolve(workingFolder, folder);
  const frostPictures = await loadFrostPictures(path, { signal });
  terminal.note(`frost: the photographs in ${path}`);
  return { signal, frostPictures };
}
