import { join } from "node:path";
import { MpoError } from "@mpo/core";
import type { Abortable } from "@mpo/io";
import { type Authority, checkedAuthority } from "./authority.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";

const FILE = "authority.json";
/** A fleet's with all that it may hold has about 30 kB. */
const MAX_BYTES = 262_144;
const HINT =
  "Put back the file from a backup. Without one, move it away: the coordinator makes a new authority, and every device has to join again.";

/** Writes a fleet's authority into a folder that only its owner may enter: the old one or the new one, whole. */
export async function writeAuthority(folder: string, authority: Authority, options: Abortable = {}): Promise<void> {
  await writePrivateFile(join(folder, FILE), `${JSON.stringify(authority, undefined, 2)}\n`, options);
}

/**
 * Reads it back. Throws `not-found` where there is none, `precondition-failed` where others can read it, and
 * `invalid-data` where it is damaged; no error shows what is in it.
 */
export async function readAuthority(folder: string, options: Abortable = {}): Promise<Authority> {
  const path = join(folder, FILE);
  const bytes = await readPrivateFile(path, { maxBytes: MAX_BYTES, ...options });
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    // Node's reason quotes what it read.
    throw new MpoError("invalid-data", `${path} is not valid JSON: it was cut short or changed`, { hint: HINT });
  }
  try {
    return checkedAuthority(value, path);
  } catch (thrown) {
    throw MpoError.from(thrown).with({ hint: HINT });
  }
}
