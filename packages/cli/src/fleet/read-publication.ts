import { createHash } from "node:crypto";
import { open, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Chain, given, isFileName, MpoError } from "@mpo/core";
import { modelFilesAmong, readPictureForm } from "@mpo/datasets";
import { cardOf, chainOf, graphDigest, headOf, inputOf, parameterCount } from "@mpo/engine";
import { fileError, throwIfAborted } from "@mpo/io";
import {
  type ArtifactManifest,
  artifactDigest,
  artifactManifestCodec,
  chainCodec,
  LIMITS,
  servedDigest,
} from "@mpo/protocol";
import { loadTrainedModel } from "../data/load-model.ts";
import { takenInWords } from "../options/input-options.ts";

/** A model's folder, read whole and found to be one. */
export interface Publication {
  readonly manifest: ArtifactManifest;
  readonly digest: string;
  readonly chain: Chain;
  /** Where each chunk is, by its digest. */
  readonly places: ReadonlyMap<string, ChunkPlace>;
  /** Names that are no part of it. */
  readonly passedOver: readonly string[];
  /** What keeps some of it from being trained, for a person. */
  readonly note: string | undefined;
}

interface ChunkPlace {
  readonly path: string;
  readonly offset: number;
  readonly digest: string;
}

/** What a published model's card may say of how it was made. */
const MADE_BY_LENGTH = 512;

/**
 * Reads a folder as a serving folder takes it. It is read as a model first, so that nothing is uploaded that no device
 * could load. Throws as `readLayersModel` does, and `invalid-argument` for what is no folder.
 */
export async function readPublication(
  folder: string,
  { name, version }: Pick<ArtifactManifest, "name" | "version">,
  signal: AbortSignal,
): Promise<Publication> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOTDIR") throw fileError(thrown, "read", folder);
    throw new MpoError("invalid-argument", `${folder} is a file; expected the folder of a model, with its card`);
  });
  const names = entries.filter((entry) => entry.isFile() && isFileName(entry.name)).map((entry) => entry.name);
  const models = modelFilesAmong(names);
  if (models.length > 1) {
    throw new MpoError("invalid-argument", `${folder} has several models: ${models.join(", ")}; leave one there`);
  }
  const { model, note } = await loadTrainedModel(folder, signal);
  const { graph } = model;
  // The agent asks the same of the card.
  await readPictureForm(folder);
  const chain = chainOf(graph);
  const card = await cardOf(folder, { signal });
  const places = new Map<string, ChunkPlace>();
  const files = [];
  for (const file of names.toSorted()) files.push(await fileOf(join(folder, file), places, signal));
  const own = files.find((file) => file.name === models[0]);
  if (own === undefined)
    throw new MpoError("not-found", `${folder} has no model.json, and no .keras, .h5 or .onnx file`);
  const { shape, form } = inputOf(graph);
  const manifest: ArtifactManifest = {
    ...{ name, version, files, manifestDigest: servedDigest(own, files), graphDigest: graphDigest(graph) },
    chainDigest: createHash("sha256").update(chainCodec.toBytes(chain)).digest("hex"),
    summary: {
      takes: `${shape.join("x")}, images of ${takenInWords(form)}`.slice(0, 256),
      classes: headOf(graph).classes,
      parameters: parameterCount(graph).total,
      ...given({ accuracy: card?.accuracy.clean }),
      madeBy: (card?.trainingCommand ?? "").replace(/\s+/gu, " ").slice(0, MADE_BY_LENGTH),
    },
  };
  const passedOver = entries.map((entry) => entry.name).filter((entry) => !names.includes(entry));
  return { manifest, digest: artifactDigest(artifactManifestCodec.toBytes(manifest)), chain, places, passedOver, note };
}

/** The bytes of a chunk, as they were when the folder was read. Throws `conflict` when the file has changed since. */
export async function readChunk({ path, offset, digest }: ChunkPlace): Promise<Buffer> {
  const handle = await open(path, "r");
  try {
    const chunk = await partOf(handle, offset);
    if (sha256(chunk) === digest) return chunk;
    throw new MpoError("conflict", `${path} has changed while it was published`, { hint: "Publish it again." });
  } finally {
    await handle.close();
  }
}

async function fileOf(
  path: string,
  places: Map<string, ChunkPlace>,
  signal: AbortSignal,
): Promise<ArtifactManifest["files"][number]> {
  const handle = await open(path, "r").catch((thrown: unknown) => {
    throw fileError(thrown, "read", path);
  });
  try {
    const { size: bytes } = await stat(path);
    const whole = createHash("sha256");
    const chunks: string[] = [];
    for (let offset = 0; offset < bytes; offset += LIMITS.chunkBytes) {
      throwIfAborted(signal);
      const chunk = await partOf(handle, offset);
      const digest = sha256(chunk);
      whole.update(chunk);
      chunks.push(digest);
      places.set(digest, { path, offset, digest });
    }
    return { name: basename(path), bytes, digest: whole.digest("hex"), chunks };
  } finally {
    await handle.close();
  }
}

async function partOf(handle: Awaited<ReturnType<typeof open>>, offset: number): Promise<Buffer> {
  const buffer = Buffer.alloc(LIMITS.chunkBytes);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
  return buffer.subarray(0, bytesRead);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
