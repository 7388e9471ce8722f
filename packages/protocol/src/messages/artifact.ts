import { createHash } from "node:crypto";
import { type Fact, fact } from "@mpo/core";
import { LIMITS } from "../limits.ts";
import { deviceIdentity } from "./device.ts";

const { bytes, consistent, digest, object, whole } = fact;

/** Asks for an artifact, by the SHA-256 of the whole of it, from `offset` on. */
export type FetchArtifactRequest = Fact<typeof fetchArtifactRequest>;
export const fetchArtifactRequest = object({ identity: deviceIdentity, digest: digest(), offset: whole() });

/** One chunk of an artifact. Its digest is checked when it is decoded. */
export type ArtifactChunk = Fact<typeof fetchArtifactResponse>;
export const fetchArtifactResponse = consistent(
  object({ offset: whole(), totalBytes: whole(1), data: bytes(1, LIMITS.chunkBytes), dataDigest: digest() }),
  ({ offset, totalBytes, data, dataDigest }, refuse) => {
    if (offset + data.length > totalBytes) refuse(["data"], data, `to end within totalBytes, ${totalBytes}`);
    if (sha256(data) !== dataDigest) refuse(["dataDigest"], dataDigest, `${sha256(data)}, that of the data`);
  },
);

/** A chunk with its digest. */
export function artifactChunk(offset: number, totalBytes: number, data: Uint8Array): ArtifactChunk {
  return { offset, totalBytes, data, dataDigest: sha256(data) };
}

function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
