import { type FileHandle, open, readdir } from "node:fs/promises";
import { promisify } from "node:util";
import { constants, gunzip, gunzipSync } from "node:zlib";
import { MpoError } from "@mpo/core";
import { fileError, throwIfAborted } from "@mpo/io";
import type { Note } from "../images/describe-classes.ts";
import { invalidData } from "./data-error.ts";

const gunzipAsync = promisify(gunzip);

/** Bytes of a file that are read to learn its size: the header of every format here is shorter. */
const HEAD_BYTES = 4096;
/** deflate cannot do better than 1032:1, so a header that promises more is a lie. */
const MOST_GZIP_RATIO = 1032;
/** One buffer of Node holds no more. */
const MOST_BYTES = 2 ** 32;

export interface ReadOptions {
  /** Receives what was found, in a line. */
  readonly note?: Note;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a whole file, plain or gzip (by its first bytes, not its name). `sizeFromHead` computes from the head of
 * the file how long all of it must be; that is compared with the real size before anything large is allocated, so a
 * damaged header costs nothing. Throws `not-found`, `invalid-data` or `cancelled`.
 */
export async function readSizedFile(
  path: string,
  sizeFromHead: (head: Uint8Array) => number,
  options: ReadOptions = {},
): Promise<Uint8Array> {
  return await withFile(path, options, async (file, sizeBytes) => {
    const head = await readRange(file, 0, Math.min(HEAD_BYTES, sizeBytes), path);
    if (head[0] === 0x1f && head[1] === 0x8b) {
      return await readGzip(file, sizeBytes, head, path, sizeFromHead, options);
    }
    requireSize(path, sizeFromHead(head), sizeBytes);
    return await readRange(file, 0, sizeBytes, path);
  });
}

/** Names of the files and folders in a folder, hidden ones left out. Throws `not-found`. */
export async function visibleNames(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((thrown: unknown) => {
    throw fileError(thrown, "list", folder);
  });
  return names.filter((name) => !name.startsWith("."));
}

/** Opens a regular file, hands over its handle and size, and closes it again whatever happens. */
export async function withFile<T>(
  path: string,
  options: ReadOptions,
  use: (file: FileHandle, sizeBytes: number) => Promise<T>,
): Promise<T> {
  throwIfAborted(options.signal);
  const file = await open(path, "r").catch((thrown: unknown) => {
    throw fileError(thrown, "open", path);
  });
  try {
    const { size } = await file.stat().then((stat) => {
      if (!stat.isFile()) throw new MpoError("not-found", `${path}: expected a file, found something else`);
      return stat;
    });
    const result = await use(file, size);
    throwIfAborted(options.signal);
    return result;
  } finally {
    await file.close();
  }
}

/** Reads exactly `length` bytes from `offset`. Throws `invalid-data` when the file ends before. */
export async function readRange(
  file: FileHandle,
  offset: number,
  length: number,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) {
      throw invalidData(path, offset + done, `${length - done} more bytes`, "the end of the file");
    }
    done += bytesRead;
  }
  return bytes;
}

/** Throws `invalid-data` unless a file that must be `expected` bytes long is. */
export function requireSize(file: string, expected: number, found: number): void {
  if (expected === found) return;
  throw invalidData(
    file,
    Math.min(expected, found),
    `a file of ${expected} bytes, as its header says`,
    `${found} bytes`,
  );
}

async function readGzip(
  file: FileHandle,
  sizeBytes: number,
  head: Uint8Array,
  path: string,
  sizeFromHead: (head: Uint8Array) => number,
  options: ReadOptions,
): Promise<Uint8Array> {
  const broken = (thrown: unknown): never => {
    const found = `a broken stream (${MpoError.from(thrown).message})`;
    throw invalidData(path, 0, "a whole gzip stream", found, { cause: thrown });
  };
  let inflatedHead: Uint8Array = new Uint8Array(0);
  try {
    // The head alone is a cut-off stream: a sync flush gives what it holds instead of an error.
    inflatedHead = gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (thrown) {
    broken(thrown);
  }
  const expected = sizeFromHead(inflatedHead);
  const most = Math.min(MOST_BYTES, sizeBytes * MOST_GZIP_RATIO);
  if (expected > most) {
    const found = `a header that promises ${expected} bytes`;
    throw invalidData(path, 0, `at most ${most} bytes in ${sizeBytes} gzip bytes`, found);
  }
  const packed = await readRange(file, 0, sizeBytes, path);
  throwIfAborted(options.signal);
  const bytes = await gunzipAsync(packed, { maxOutputLength: expected + 1 }).catch(broken);
  requireSize(path, expected, bytes.length);
  return bytes;
}
