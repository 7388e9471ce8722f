import { createHash } from "node:crypto";
import { open, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MpoError } from "@mpo/core";
import { fileError, syncFolder } from "@mpo/io";
import { type ArtifactFile, type ArtifactManifest, artifactBytes, LIMITS } from "@mpo/protocol";
import type { PartialModel } from "../ports/model-shelf.ts";
import { fileDigest } from "./model-digest.ts";

/** Serving programs may run as other users. */
const FILE_MODE = 0o644;

interface Place {
  readonly file: ArtifactFile;
  /** Chunks of it that are here. */
  chunks: number;
}

/**
 * Opens a folder that a model's files are written into, in order. What lies there says how far it got: each chunk is
 * checked, and the first that is not whole, and all after it, are dropped. So nothing has to be written down, and a power
 * cut at any moment costs what the disk had not taken.
 */
export async function openPartialModel(
  folder: string,
  manifest: ArtifactManifest,
  finalFolder: string,
): Promise<PartialModel> {
  const places: Place[] = [];
  let isWhole = true;
  for (const file of manifest.files) {
    const path = join(folder, file.name);
    const chunks: number = isWhole ? await wholeChunks(path, file) : 0;
    isWhole &&= chunks === file.chunks.length;
    if (isWhole) await writeFile(path, "", { flag: "a", mode: FILE_MODE });
    else if (chunks === 0) await rm(path, { force: true });
    else await truncate(path, chunks * LIMITS.chunkBytes);
    places.push({ file, chunks });
  }
  const current = (): Place | undefined => places.find(({ file, chunks }) => chunks < file.chunks.length);
  return {
    totalBytes: artifactBytes(manifest),
    get hereBytes() {
      return places.reduce((sum, { file, chunks }) => sum + Math.min(file.bytes, chunks * LIMITS.chunkBytes), 0);
    },
    get next() {
      const place = current();
      const digest = place?.file.chunks[place.chunks];
      return place === undefined || digest === undefined ? undefined : { digest, bytes: lengthOf(place) };
    },
    add: async (chunk) => {
      const place = current();
      if (place === undefined) throw new MpoError("internal", "no chunk is needed any more");
      const path = join(folder, place.file.name);
      const isRight = chunk.length === lengthOf(place) && sha256(chunk) === place.file.chunks[place.chunks];
      if (!isRight) throw new MpoError("invalid-data", `a chunk of ${place.file.name} is not what its digest says`);
      try {
        await writeFile(path, chunk, { flag: "a", mode: FILE_MODE });
      } catch (thrown) {
        await truncate(path, place.chunks * LIMITS.chunkBytes).catch(() => undefined);
        throw fileError(thrown, "write", path);
      }
      place.chunks += 1;
      // What follows is appended to files that are there.
      for (const { file, chunks } of places) {
        if (chunks < file.chunks.length) break;
        await writeFile(join(folder, file.name), "", { flag: "a", mode: FILE_MODE });
      }
    },
    finish: async () => {
      for (const { file } of places) {
        const path = join(folder, file.name);
        if ((await fileDigest(path)) !== file.digest) {
          await rm(folder, { recursive: true, force: true });
          throw new MpoError("invalid-data", `${file.name} is not what its digest says, although all its chunks are`);
        }
        const handle = await open(path, "r");
        try {
          await handle.sync();
        } finally {
          await handle.close();
        }
      }
      await syncFolder(folder);
      await rm(finalFolder, { recursive: true, force: true });
      await rename(folder, finalFolder);
      await syncFolder(dirname(finalFolder));
    },
  };
}

function lengthOf({ file, chunks }: Place): number {
  return Math.min(LIMITS.chunkBytes, file.bytes - chunks * LIMITS.chunkBytes);
}

/** How many chunks at the beginning of a file are what the manifest says. */
async function wholeChunks(path: string, file: ArtifactFile): Promise<number> {
  const size = await stat(path).then(
    (found) => found.size,
    () => undefined,
  );
  if (size === undefined) return 0;
  const handle = await open(path, "r");
  try {
    const buffer = Buffer.alloc(LIMITS.chunkBytes);
    for (const [index, digest] of file.chunks.entries()) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, index * LIMITS.chunkBytes);
      const isWhole = bytesRead === lengthOf({ file, chunks: index });
      if (!isWhole || sha256(buffer.subarray(0, bytesRead)) !== digest) return index;
    }
    return size > file.bytes ? Math.max(0, file.chunks.length - 1) : file.chunks.length;
  } finally {
    await handle.close();
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
