import { createHash } from "node:crypto";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { fileError, ifFound, removeLeftTemporaries, systemErrorCode, writeFileAtomic } from "@mpo/io";
import { BUCKETS, type StoreCallOptions } from "@mpo/transport";
import { isConflict, type StoreContext } from "../store/change-entry.ts";

/** A chunk that is stored, and since when. */
export interface StoredChunk {
  readonly digest: string;
  readonly bytes: number;
  readonly storedAtMs: number;
}

/** Where the chunks of published models lie, by the SHA-256 of their bytes. */
export interface ChunkStore {
  /** Undefined: it is not there, or its bytes are not what they were. */
  read(digest: string, options: StoreCallOptions): Promise<Uint8Array | undefined>;
  write(digest: string, chunk: Uint8Array, options: StoreCallOptions): Promise<void>;
  remove(digest: string, options: StoreCallOptions): Promise<void>;
  /** All, in no order. Takes time by their bytes. */
  list(options: StoreCallOptions): AsyncIterable<StoredChunk>;
}

export function chunkDigest(chunk: Uint8Array): string {
  return createHash("sha256").update(chunk).digest("hex");
}

/** Chunks in the fleet's own store. */
export function chunksInStore({ store }: Pick<StoreContext, "store">): ChunkStore {
  const bucket = BUCKETS.chunk;
  return {
    read: async (digest, options) => good(digest, (await store.get(bucket, digest, options))?.value),
    write: async (digest, chunk, options) => {
      try {
        await store.put(bucket, digest, chunk, options);
      } catch (thrown) {
        throw isConflict(thrown) ? thrown : withAdvice(MpoError.from(thrown));
      }
    },
    remove: (digest, options) => store.delete(bucket, digest, options),
    list: async function* ({ signal }) {
      const ends = signal ?? new AbortController().signal;
      for await (const change of store.watch(bucket, { signal: ends })) {
        if (change.kind === "caught-up") return;
        if (change.kind !== "put") continue;
        const { key, value, storedAtMs } = change.entry;
        yield { digest: key, bytes: value.length, storedAtMs };
      }
    },
  };
}

function withAdvice(error: MpoError): MpoError {
  return error.with({
    hint: error.hint ?? "Is the store full? Larger models fit a folder: mpo coordinator --models DIR.",
  });
}

/** Chunks in a folder, in sub-folders by their first two digits. Several coordinators must see the same folder. */
export function chunksInFolder(folder: string): ChunkStore {
  const place = (digest: string): string => join(folder, digest.slice(0, 2));
  return {
    read: async (digest) => good(digest, await ifFound(readable(join(place(digest), digest)))),
    write: (digest, chunk, options) => writeFileAtomic(join(place(digest), digest), chunk, options),
    remove: (digest) => rm(join(place(digest), digest), { force: true }),
    list: async function* () {
      for (const part of await namesIn(folder)) {
        if (!/^[0-9a-f]{2}$/u.test(part)) continue;
        await removeLeftTemporaries(join(folder, part));
        for (const digest of await namesIn(join(folder, part))) {
          if (!/^[0-9a-f]{64}$/u.test(digest)) continue;
          const { size: bytes, mtimeMs: storedAtMs } = await stat(join(folder, part, digest));
          yield { digest, bytes, storedAtMs };
        }
      }
    },
  };
}

function good(digest: string, chunk: Uint8Array | undefined): Uint8Array | undefined {
  return chunk !== undefined && chunkDigest(chunk) === digest ? chunk : undefined;
}

async function readable(path: string): Promise<Uint8Array> {
  return await readFile(path).catch((thrown: unknown) => {
    throw fileError(thrown, "read", path);
  });
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch((thrown: unknown) => {
    if (systemErrorCode(thrown) === "ENOENT") return [];
    throw fileError(thrown, "list", folder);
  });
}
