import { mkdir, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { MpoError } from "@mpo/core";
import { type Abortable, throwIfAborted } from "./abort-error.ts";
import { fileError, systemErrorCode } from "./file-error.ts";

export interface WriteOptions extends Abortable {
  /** Permissions of a new file. Default 0o600: only the owner reads it. */
  readonly mode?: number;
}

let written = 0;

/**
 * Replaces a file so that a crash or power cut at any moment leaves the old content or the new one, whole: writes a
 * temporary file next to it, fsyncs, renames, fsyncs the folder. The folder is made if it is missing. A full disk
 * throws `unavailable`, and the old file stays.
 */
export async function writeFileAtomic(
  path: string,
  data: Uint8Array | string,
  options: WriteOptions = {},
): Promise<void> {
  throwIfAborted(options.signal);
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}-${written++}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    const handle = await open(temporary, "w", options.mode ?? 0o600);
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    throwIfAborted(options.signal);
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (thrown) {
    await unlink(temporary).catch(() => undefined);
    throw fileError(thrown, "write", path);
  }
}

/** Makes a rename or a new file in the folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes temporary files that killed writers left in a folder. Call at start, before anybody writes there. */
export async function removeLeftTemporaries(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((thrown: unknown) => {
    if (systemErrorCode(thrown) === "ENOENT") return [];
    throw fileError(thrown, "list", folder);
  });
  const left = names.filter((name) => /^\..+\.\d+-\d+\.tmp$/u.test(name)).toSorted();
  for (const name of left) await unlink(join(folder, name)).catch(() => undefined);
  return left;
}

export interface ReadJsonOptions extends Abortable {
  /** A larger file is refused before it is read. Default 16 MiB. */
  readonly maxBytes?: number;
}

/**
 * Reads a JSON file. Throws `not-found` when it is absent, `invalid-data` when it is too large or no JSON. What it holds
 * is unknown: check it before use.
 */
export async function readJsonFile(path: string, options: ReadJsonOptions = {}): Promise<unknown> {
  const { maxBytes = 2 ** 24, signal } = options;
  throwIfAborted(signal);
  const text = await readText(path, maxBytes);
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new MpoError("invalid-data", `${path} is not valid JSON: ${reason}`, {
      cause: thrown,
      hint: "Repair the file, or remove it so that it is written again.",
    });
  }
}

async function readText(path: string, maxBytes: number): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) {
      throw new MpoError("invalid-data", `${path} has ${size} bytes; expected at most ${maxBytes}`);
    }
    return await readFile(path, "utf8");
  } catch (thrown) {
    throw fileError(thrown, "read", path);
  }
}

/** Replaces a file by a value as JSON, atomically. Throws `invalid-argument` when the value cannot be JSON. */
export async function writeJsonFile(path: string, value: unknown, options: WriteOptions = {}): Promise<void> {
  const text = JSON.stringify(value, undefined, 2) as string | undefined;
  if (text === undefined) throw new MpoError("invalid-argument", `cannot write ${typeof value} as JSON to ${path}`);
  await writeFileAtomic(path, `${text}\n`, options);
}
