import { createReadStream, createWriteStream } from "node:fs";
import { access, link, open, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { MpoError } from "@mpo/core";
import type { Pack } from "tar-stream";
import type { Abortable } from "./abort-error.ts";
import { abortError } from "./abort-error.ts";
import { syncFolder } from "./atomic-file.ts";
import { fileError } from "./file-error.ts";

/** A file in an archive. */
export interface ArchivePart {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface ArchiveOptions extends Abortable {
  /** Compress all of it. Default false. */
  readonly isGzipped?: boolean;
  /** Take the place of a file that is there. Default false: throws `already-exists`. */
  readonly replaces?: boolean;
}

/**
 * Writes a tar file that only its owner reads, part by part: whole, on the disk, or not at all. Throws what the parts
 * throw, and `unavailable` for a full disk. Returns its length.
 */
export async function writeArchive(
  path: string,
  parts: AsyncIterable<ArchivePart>,
  { isGzipped = false, replaces = false, signal }: ArchiveOptions = {},
): Promise<number> {
  // A name that `removeLeftTemporaries` knows.
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${Date.now()}.tmp`);
  try {
    if (!replaces) await requireFree(path);
    // Most processes need none of it.
    const { pack } = await import("tar-stream");
    const packed = pack();
    const packing = fill(packed, parts);
    const target = createWriteStream(temporary, { flags: "wx", mode: 0o600 });
    const written = isGzipped
      ? pipeline(packed, createGzip(), target, { signal })
      : pipeline(packed, target, { signal });
    // Whichever fails first ends the other; the cause is that of the parts.
    const [filled, ended] = await Promise.allSettled([packing, written]);
    if (signal?.aborted === true) throw abortError(signal);
    if (ended.status === "rejected" && filled.status === "rejected") throw causeOf(filled.reason, ended.reason);
    for (const part of [filled, ended]) if (part.status === "rejected") throw part.reason;
    const handle = await open(temporary, "r");
    let bytes: number;
    try {
      await handle.sync();
      bytes = (await handle.stat()).size;
    } finally {
      await handle.close();
    }
    if (replaces) await rename(temporary, path);
    else {
      // Unlike a rename, it takes no other's place.
      await link(temporary, path);
      await unlink(temporary);
    }
    await syncFolder(dirname(path));
    return bytes;
  } catch (thrown) {
    await unlink(temporary).catch(() => undefined);
    throw fileError(thrown, "write", path);
  }
}

/** The parts of a tar file, in order. Throws `invalid-data` where it is cut short or changed. */
export async function* readArchive(
  path: string,
  { maxPartBytes, signal }: Abortable & { readonly maxPartBytes: number },
): AsyncGenerator<ArchivePart, void, undefined> {
  const { extract } = await import("tar-stream");
  const extracted = extract();
  const source = createReadStream(path);
  const reading = pipeline(source, extracted, { signal });
  reading.catch(() => undefined);
  try {
    for await (const entry of extracted) {
      const { name, size = 0, type } = entry.header;
      if (type !== "file") throw new MpoError("invalid-data", `${path}: ${name} is a ${String(type)}, not a file`);
      if (size > maxPartBytes) {
        throw new MpoError("invalid-data", `${path}: ${name} has ${size} bytes; expected at most ${maxPartBytes}`);
      }
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry) chunks.push(chunk as Uint8Array);
      yield { name, bytes: Buffer.concat(chunks) };
    }
    await reading;
  } catch (thrown) {
    if (signal?.aborted === true) throw abortError(signal);
    if (thrown instanceof MpoError) throw thrown;
    const error = fileError(thrown, "read", path);
    if (error.code !== "internal") throw error;
    throw new MpoError("invalid-data", `${path} is not a whole archive: ${error.message}`, { cause: thrown });
  } finally {
    source.destroy();
  }
}

async function fill(packed: Pack, parts: AsyncIterable<ArchivePart>): Promise<void> {
  try {
    for await (const { name, bytes } of parts) {
      const entry = packed.entry({ name, size: bytes.length, mode: 0o600 });
      await pipeline(Readable.from([bytes]), entry);
    }
    packed.finalize();
  } catch (thrown) {
    packed.destroy(thrown instanceof Error ? thrown : new Error(String(thrown)));
    throw thrown;
  }
}

/** A disk that is full ends the packing too: it is named, and not that the packing ended. */
function causeOf(filled: unknown, ended: unknown): unknown {
  return filled instanceof MpoError ? filled : ended;
}

async function requireFree(path: string): Promise<void> {
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) throw new MpoError("already-exists", `${path} exists already`, { hint: "Choose another name." });
}
