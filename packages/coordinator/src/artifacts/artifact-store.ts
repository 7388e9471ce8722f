import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { fileError, throwIfAborted } from "@mpo/io";
import { type ArtifactChunk, artifactChunk, LIMITS } from "@mpo/protocol";

/** Where models and weights files come from. */
export interface ArtifactStore {
  /** Chunks from `offset` on, in order. Throws `not-found`, `invalid-argument` for an offset behind the end. */
  read(digest: string, offset: number, options: { readonly signal: AbortSignal }): AsyncIterable<ArtifactChunk>;
}

const DIGEST = /^[0-9a-f]{64}$/u;

/**
 * A folder of files, each named by the SHA-256 of its content (64 hexadecimal digits). A file is checked once before it
 * is sent for the first time: one that is damaged is not sent at all.
 */
export function folderArtifacts(folder: string | undefined): ArtifactStore {
  const checked = new Set<string>();
  return {
    read: async function* (digest, offset, { signal }) {
      if (folder === undefined || !DIGEST.test(digest) || !(await isThere(folder, digest)))
        throw unknownArtifact(digest);
      const path = join(folder, digest);
      if (!checked.has(digest)) {
        await check(path, digest, signal);
        checked.add(digest);
      }
      const file = await open(path, "r").catch((thrown: unknown) => {
        throw fileError(thrown, "open", path);
      });
      try {
        yield* chunks(file, offset, signal);
      } finally {
        await file.close();
      }
    },
  };
}

async function* chunks(
  file: FileHandle,
  offset: number,
  signal: AbortSignal,
): AsyncGenerator<ArtifactChunk, void, undefined> {
  const { size } = await file.stat();
  if (offset > size) {
    throw new MpoError("invalid-argument", `offset is ${offset}; the artifact has ${size} bytes`);
  }
  for (let at = offset; at < size; ) {
    throwIfAborted(signal);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(LIMITS.chunkBytes), 0, LIMITS.chunkBytes, at);
    if (bytesRead === 0) throw new MpoError("unavailable", "the artifact became shorter while it was read");
    yield artifactChunk(at, size, buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

async function isThere(folder: string, digest: string): Promise<boolean> {
  try {
    return (await readdir(folder)).includes(digest);
  } catch {
    return false;
  }
}

async function check(path: string, digest: string, signal: AbortSignal): Promise<void> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path, { signal })) hash.update(part as Buffer);
  const found = hash.digest("hex");
  if (found !== digest) {
    throw new MpoError(
      "invalid-data",
      `the artifact ${digest.slice(0, 12)} is damaged: its content is ${found.slice(0, 12)}`,
      {
        hint: "Put the file into the folder of artifacts again.",
      },
    );
  }
}

function unknownArtifact(digest: string): MpoError {
  return new MpoError("not-found", `there is no artifact ${digest.slice(0, 12)}`, {
    hint: "Files in the coordinator's folder of artifacts are named by their SHA-256.",
  });
}
