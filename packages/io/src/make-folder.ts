import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { fileError, systemErrorCode } from "./file-error.ts";

/**
 * Makes a folder and those around it, if they are missing. Throws what `fileError` makes of a failure. Node's own recursive
 * `mkdir` never ends where a folder exists in which none can be made and the system says "no such file" (`/proc`).
 */
export async function makeFolder(folder: string, options: { readonly mode?: number } = {}): Promise<void> {
  try {
    if (await makeOne(folder, options)) return;
    await makeFolder(dirname(folder), options);
    await mkdir(folder, options);
  } catch (thrown) {
    throw fileError(thrown, "make", folder);
  }
}

/** False: the folder around it is missing. */
async function makeOne(folder: string, options: { readonly mode?: number }): Promise<boolean> {
  try {
    await mkdir(folder, options);
    return true;
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === "EEXIST" && (await stat(folder)).isDirectory()) return true;
    if (code === "ENOENT" && dirname(folder) !== folder) return false;
    throw thrown;
  }
}
