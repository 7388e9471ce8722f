import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileError } from "@mpo/io";

/** SHA-256 of a file, hexadecimal. Throws `not-found`. */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (thrown) {
    throw fileError(thrown, "read", path);
  }
  return hash.digest("hex");
}

/**
 * Digest of a model's folder: SHA-256 over the sorted lines "name digest" of its files, hexadecimal. Hidden files and
 * folders do not count. Throws `not-found`.
 */
export async function folderDigest(folder: string): Promise<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((thrown: unknown) => {
    throw fileError(thrown, "list", folder);
  });
  const names = entries.filter((entry) => entry.isFile() && !entry.name.startsWith(".")).map(({ name }) => name);
  const hash = createHash("sha256");
  for (const name of names.toSorted()) hash.update(`${name} ${await fileDigest(join(folder, name))}\n`);
  return hash.digest("hex");
}
