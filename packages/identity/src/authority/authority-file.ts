import { join } from "node:path";
import type { Abortable } from "@mpo/io";
import { type Authority, checkedAuthority } from "./authority.ts";
import { readPrivateJson, writePrivateJson } from "./private-file.ts";

const FILE = "authority.json";
/** A fleet's with all that it may hold has about 30 kB. */
const MAX_BYTES = 262_144;
const HINT =
  "Put back the file from a backup. Without one, move it away: the coordinator makes a new authority, and every device has to join again.";

/** Writes a fleet's authority into a folder that only its owner may enter: the old one or the new one, whole. */
export async function writeAuthority(folder: string, authority: Authority, options: Abortable = {}): Promise<void> {
  await writePrivateJson(join(folder, FILE), authority, options);
}

/**
 * Reads it back. Throws `not-found` where there is none, `precondition-failed` where others can read it, and
 * `invalid-data` where it is damaged; no error shows what is in it.
 */
export async function readAuthority(folder: string, options: Abortable = {}): Promise<Authority> {
  return await readPrivateJson(join(folder, FILE), checkedAuthority, { maxBytes: MAX_BYTES, hint: HINT, ...options });
}
