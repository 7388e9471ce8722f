import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { MpoError } from "@mpo/core";
import { type Abortable, fileError, makeFolder, throwIfAborted, writeFileAtomic } from "@mpo/io";

/** Whatever group and others may do. */
const OF_OTHERS = 0o077;

/** Writes a file that holds secrets, atomically. Its folder is made if it is missing, and refused if others may enter it. */
export async function writePrivateFile(
  path: string,
  data: Uint8Array | string,
  options: Abortable = {},
): Promise<void> {
  throwIfAborted(options.signal);
  const folder = dirname(path);
  await makeFolder(folder, { mode: 0o700 });
  await requirePrivateFolder(folder);
  await writeFileAtomic(path, data, options);
}

/**
 * Reads a file that holds secrets. Throws `precondition-failed` where its group or others may read it or enter its folder,
 * `not-found` where it is absent and `invalid-data` where it is too long; no error shows what is in it.
 */
export async function readPrivateFile(
  path: string,
  { maxBytes, signal }: Abortable & { readonly maxBytes: number },
): Promise<Buffer> {
  throwIfAborted(signal);
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    await requirePrivateFolder(dirname(path));
    // Of what was opened, not of what lies there a moment later.
    const facts = await handle.stat();
    const { mode, size } = facts;
    if (!facts.isFile()) throw new MpoError("precondition-failed", `${path} is not a file`);
    if ((mode & OF_OTHERS) !== 0) throw tooOpen(path, mode, "600");
    if (size > maxBytes) {
      throw new MpoError("invalid-data", `${path} has ${size} bytes; expected at most ${maxBytes}`);
    }
    return await handle.readFile();
  } catch (thrown) {
    throw fileError(thrown, "read", path);
  } finally {
    await handle?.close();
  }
}

/** Writes a value as JSON into such a file. */
export async function writePrivateJson(path: string, value: unknown, options: Abortable = {}): Promise<void> {
  await writePrivateFile(path, `${JSON.stringify(value, undefined, 2)}\n`, options);
}

/** Reads it back, with what a function makes of it. What that throws gets the hint; no error shows what is in the file. */
export async function readPrivateJson<Value>(
  path: string,
  read: (value: unknown, place: string) => Value,
  { hint, ...options }: Abortable & { readonly maxBytes: number; readonly hint: string },
): Promise<Value> {
  const bytes = await readPrivateFile(path, options);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    // Node's reason quotes what it read.
    throw new MpoError("invalid-data", `${path} is not valid JSON: it was cut short or changed`, { hint });
  }
  try {
    return read(value, path);
  } catch (thrown) {
    throw MpoError.from(thrown).with({ hint });
  }
}

async function requirePrivateFolder(folder: string): Promise<void> {
  const { mode } = await stat(folder);
  if ((mode & OF_OTHERS) !== 0) throw tooOpen(folder, mode, "700");
}

function tooOpen(path: string, mode: number, wanted: string): MpoError {
  const found = (mode & 0o777).toString(8).padStart(3, "0");
  return new MpoError(
    "precondition-failed",
    `${path} is open to others than its owner (mode ${found}; expected ${wanted})`,
    {
      hint: `If nobody else has read it: chmod ${wanted} ${path}. Otherwise replace the secrets in it.`,
    },
  );
}
