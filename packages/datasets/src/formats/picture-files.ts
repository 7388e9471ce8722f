import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileError, throwIfAborted } from "@mpo/io";
import { PICTURE_FILE } from "./picture.ts";

/** A class of a folder: the name of its sub-folder, and the pictures at any depth below it, sorted. */
export interface PictureClass {
  readonly name: string;
  readonly files: readonly string[];
}

/** What a folder of pictures holds. */
export interface PictureFiles {
  readonly classes: readonly PictureClass[];
  /** Pictures that lie outside of the classes' folders. */
  readonly loose: readonly string[];
  /** How many files and folders of each kind were passed over, such as `.txt` or `Thumbs.db`. */
  readonly passedOver: ReadonlyMap<string, number>;
}

/** What systems leave behind, whatever its case. */
const SYSTEM_FILES = new Set(["__macosx", "thumbs.db", "desktop.ini"]);

/**
 * Lists the pictures of each class, which is a sub-folder: sorted by name, with what lies in folders below it, through
 * links too. Hidden files, those of systems and files that are not pictures are passed over and counted. Throws `not-found`
 * or `cancelled`.
 */
export async function listPictures(folder: string, signal?: AbortSignal): Promise<PictureFiles> {
  const passedOver = new Map<string, number>();
  const pass = (kind: string): void => void passedOver.set(kind, (passedOver.get(kind) ?? 0) + 1);
  const classes = new Map<string, string[]>();
  const loose: string[] = [];

  /** `above` are the real paths of the folders around this one, so that links cannot lead round in a circle. */
  const walk = async (path: string, above: readonly string[], found: string[]): Promise<void> => {
    const real = await realpath(path).catch((thrown: unknown) => {
      throw fileError(thrown, "list", path);
    });
    if (above.includes(real)) return pass("link to a folder above");
    for (const { name, kind } of await visible(path, pass, signal)) {
      const inside = join(path, name);
      if (kind === "folder") {
        const isClass = above.length === 0;
        const files = isClass ? [] : found;
        if (isClass) classes.set(name, files);
        await walk(inside, [...above, real], files);
      } else if (PICTURE_FILE.test(name)) found.push(inside);
      else pass(extname(name).toLowerCase() || "without an extension");
    }
  };
  await walk(folder, [], loose);
  return { classes: [...classes].map(([name, files]) => ({ name, files: files.sort() })), loose, passedOver };
}

/** What is passed over where each picture needs a class: the loose ones too. */
export function outsideClasses({ loose, passedOver }: PictureFiles): ReadonlyMap<string, number> {
  return loose.length === 0
    ? passedOver
    : new Map([...passedOver, ["picture outside of a class's folder", loose.length]]);
}

/** Names of the folders in a folder, sorted; hidden ones and those of systems are left out. */
export async function folderNames(folder: string, signal?: AbortSignal): Promise<readonly string[]> {
  const entries = await visible(folder, () => undefined, signal);
  return entries.filter(({ kind }) => kind === "folder").map(({ name }) => name);
}

interface Entry {
  readonly name: string;
  readonly kind: "file" | "folder";
}

async function visible(folder: string, pass: (kind: string) => void, signal?: AbortSignal): Promise<readonly Entry[]> {
  throwIfAborted(signal);
  const found = await readdir(folder, { withFileTypes: true }).catch((thrown: unknown) => {
    throw fileError(thrown, "list", folder);
  });
  const entries: Entry[] = [];
  for (const entry of found) {
    const { name } = entry;
    const kind = await kindOf(entry, folder);
    if (name.startsWith("._")) pass("._*");
    else if (name.startsWith(".") || SYSTEM_FILES.has(name.toLowerCase())) pass(name);
    else if (kind === undefined) pass("broken link");
    else entries.push({ name, kind });
  }
  return entries.sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** What an entry or the target of a link is; undefined where that is gone, or neither a file nor a folder. */
async function kindOf(entry: Dirent, folder: string): Promise<Entry["kind"] | undefined> {
  const isKnown = entry.isFile() || entry.isDirectory();
  const target = isKnown ? entry : await stat(join(folder, entry.name)).catch(() => undefined);
  if (target === undefined) return undefined;
  return target.isDirectory() ? "folder" : target.isFile() ? "file" : undefined;
}
