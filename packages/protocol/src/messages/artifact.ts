import { createHash } from "node:crypto";
import { chainSchema, type Fact, fact, MAX_UINT32, MESSAGE_LENGTH } from "@mpo/core";
import { LIMITS } from "../limits.ts";
import { messageCodec } from "../message-codec.ts";
import { servedDigest } from "../served-digest.ts";
import { pageSize, pageToken } from "./admin.ts";
import { artifactVersion, deviceIdentity } from "./device.ts";

const { bytes, consistent, digest, fileName, flag, list, name, object, share, text, timestampMs, whole } = fact;

const MAX_FILES = 64;
/** A GiB: what an encoded manifest can name within its limit. */
const MAX_CHUNKS = 4_096;
const { version } = artifactVersion.shape;
const digests = list(digest(), 0, MAX_CHUNKS);

/** A file of a published model. */
export type ArtifactFile = Fact<typeof artifactFile>;
const artifactFile = object({
  name: fileName(),
  bytes: whole(0, MAX_CHUNKS * LIMITS.chunkBytes),
  digest: digest(),
  /** Of each chunk, in order. */
  chunks: digests,
});

/** What a published model is, in short. */
export type ArtifactSummary = Fact<typeof summary>;
const summary = object({
  takes: text(1, 256),
  classes: whole(1, MAX_UINT32),
  parameters: whole(),
  accuracy: share().optional(),
  madeBy: text(0, MESSAGE_LENGTH),
});

/** A model as it was published; the SHA-256 of its encoding is the model's digest. */
export type ArtifactManifest = Fact<typeof artifactManifest>;
const artifactManifest = consistent(
  object({
    name: name(),
    version,
    /** Sorted by name. */
    files: list(artifactFile, 1, MAX_FILES),
    /** Of the model, as devices report it of what they serve (`servedDigest`). */
    manifestDigest: digest(),
    graphDigest: digest(),
    chainDigest: digest(),
    summary,
  }),
  ({ files, manifestDigest }, refuse) => {
    for (const [index, file] of files.entries()) {
      const before = files[index - 1]?.name;
      if (before !== undefined && before >= file.name) refuse(["files", index, "name"], file.name, `after ${before}`);
      const count = Math.ceil(file.bytes / LIMITS.chunkBytes);
      if (file.chunks.length !== count) refuse(["files", index, "chunks"], file.chunks, `${count} chunks`);
    }
    const chunks = files.reduce((sum, file) => sum + file.chunks.length, 0);
    if (chunks > MAX_CHUNKS) refuse(["files"], files, `at most ${MAX_CHUNKS} chunks in all`);
    if (files.every((file) => servedDigest(file, files) !== manifestDigest))
      refuse(
        ["manifestDigest"],
        manifestDigest,
        "the digest of one of its files, with those that decide how it is trained",
      );
  },
);

/** A manifest's bytes: fields in the order of their numbers, no maps, so that one manifest has one encoding. */
export const artifactManifestCodec = messageCodec("ArtifactManifest", artifactManifest, LIMITS.artifactBytes);

/** The digest by which a published model is known, of its manifest's bytes. */
export function artifactDigest(manifest: Uint8Array): string {
  return createHash("sha256").update(manifest).digest("hex");
}

/** How people name a published model: "camera@3". */
export function versionName({ name, version }: Pick<ArtifactManifest, "name" | "version">): string {
  return `${name}@${version}`;
}

/** Length of all files of a published model. */
export function artifactBytes({ files }: Pick<ArtifactManifest, "files">): number {
  return files.reduce((sum, file) => sum + file.bytes, 0);
}

/** A published model as the coordinator lists it. */
export type PublishedModel = Fact<typeof publishedModel>;
const publishedModel = object({
  name: name(),
  ...artifactVersion.shape,
  graphDigest: digest(),
  bytes: whole(),
  summary,
  publishedAtMs: timestampMs(),
  publisher: text(1, 128),
  /** Devices that serve it, as they last reported. */
  serving: whole(0, MAX_UINT32),
  /** Devices that are to serve it, and do not report it yet. */
  expected: whole(0, MAX_UINT32),
});

export const getArtifactRequest = object({ identity: deviceIdentity, digest: digest() });
export const getArtifactResponse = object({ manifest: bytes(1, LIMITS.artifactBytes) });

export const getArtifactChunkRequest = object({
  identity: deviceIdentity,
  artifact: digest(),
  chunk: digest(),
  offset: whole(0, LIMITS.chunkBytes),
  length: whole(1, LIMITS.chunkBytes),
});
export const getArtifactChunkResponse = object({ part: bytes(1, LIMITS.chunkBytes) });

export const findMissingChunksRequest = object({ tenant: name(), chunks: digests });
export const findMissingChunksResponse = object({ missing: digests });

export const putChunkRequest = object({ tenant: name(), chunk: bytes(1, LIMITS.chunkBytes) });
export const putChunkResponse = object({ digest: digest() });

export const publishModelRequest = object({ tenant: name(), manifest: artifactManifest, chain: chainSchema });
export const publishModelResponse = object({ model: publishedModel, isDuplicate: flag() });

export const listPublishedModelsRequest = object({ tenant: name(), name: name().optional(), pageSize, pageToken });
export const listPublishedModelsResponse = object({ models: list(publishedModel, 0, 1_000), nextPageToken: pageToken });

export const getPublishedModelRequest = object({ tenant: name(), name: name(), version: whole(0, MAX_UINT32) });
export const getPublishedModelResponse = object({ model: publishedModel, manifest: artifactManifest });

export const removePublishedModelRequest = object({ tenant: name(), name: name(), version, isForced: flag() });
export const removePublishedModelResponse = object({ freedBytes: whole() });
