import { join } from "node:path";
import { hasCode, MpoError } from "@mpo/core";
import {
  concatImages,
  datasetAt,
  fitImages,
  folderNames,
  type ImageSet,
  loadImageFolder,
  type Part,
  type PictureForm,
  SET_LOADERS,
  sliceImages,
} from "@mpo/datasets";

/** What images are brought to; without a size, arrays keep theirs. */
export interface DomainForm extends Partial<PictureForm> {
  readonly fit?: PictureForm["fit"];
  readonly filter?: PictureForm["filter"];
}

/** Side and channels of pictures where nothing says them. */
const PICTURES = { height: 64, width: 64, channels: 3 };
/** Office-31 keeps the classes of a domain one folder deeper. */
const INNER = "images";
const PARTS: readonly Part[] = ["train", "test"];

/** Folders of domains, each of which holds one data set of any kind that `mpo data describe` knows. */
export interface Domains {
  /** All images, or those of a part. */
  load(name: string, part: Part | undefined, form: DomainForm): Promise<ImageSet>;
}

/** The domains in a folder. Loading throws `invalid-argument` for one that is not there, and as the readers do. */
export function domainsIn(
  root: string,
  options: { readonly signal: AbortSignal; readonly note: (line: string) => void },
): Domains {
  const { signal } = options;
  const loadArrays = async (
    kind: keyof typeof SET_LOADERS,
    folder: string,
    part: Part | undefined,
  ): Promise<ImageSet> => {
    if (part !== undefined) return await SET_LOADERS[kind](folder, part, options);
    const sets: ImageSet[] = [];
    for (const each of PARTS) {
      const set = await SET_LOADERS[kind](folder, each, options).catch((thrown: unknown) => {
        if (hasCode(thrown, "not-found")) return undefined;
        throw thrown;
      });
      if (set !== undefined) sets.push(set);
    }
    if (sets.length === 0) throw new MpoError("not-found", `${folder}: it has neither a training nor a test part`);
    return concatImages(sets);
  };
  return {
    async load(name, part, form) {
      const folder = await domainFolder(root, name, signal);
      const kind = await datasetAt(folder);
      if (kind === "folder") {
        return await loadImageFolder(folder, {
          ...PICTURES,
          ...form,
          ...(part === undefined ? {} : { part }),
          ...options,
        });
      }
      const set = await loadArrays(kind, folder, part);
      const { height, width, channels } = set;
      return await fitImages(set, { height, width, channels, ...form }, options);
    },
  };
}

async function domainFolder(root: string, name: string, signal: AbortSignal): Promise<string> {
  const names = await folderNames(root, signal);
  if (!names.includes(name)) {
    throw new MpoError(
      "invalid-argument",
      `${root}: there is no domain "${name}"; found ${names.join(", ") || "none"}`,
      {
        hint: "Name two of its folders, as in --tasks mnist:uci, and where they lie with --data.",
      },
    );
  }
  const folder = join(root, name);
  const inside = await folderNames(folder, signal);
  return inside.length === 1 && inside[0] === INNER ? join(folder, INNER) : folder;
}

/** The first N images, or all where they are fewer. */
export function atMost(set: ImageSet, count: number | undefined): ImageSet {
  return sliceImages(set, 0, Math.min(count ?? set.count, set.count));
}
