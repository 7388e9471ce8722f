import { createHash } from "node:crypto";
import { type MessageField, message, refined } from "./composed-fields.ts";
import { type DeviceIdentity, deviceIdentity } from "./device-codec.ts";
import { refuse } from "./field.ts";
import { bytes, digest, whole } from "./fields.ts";
import type { FetchArtifactRequest__Output } from "./gen/mpo/v1/FetchArtifactRequest.ts";
import type { FetchArtifactResponse__Output } from "./gen/mpo/v1/FetchArtifactResponse.ts";
import { LIMITS } from "./limits.ts";
import { type MessageCodec, messageCodec } from "./message-codec.ts";

/** Asks for an artifact from `offset` on. */
export interface FetchArtifactRequest {
  readonly identity: DeviceIdentity;
  /** SHA-256 of the whole artifact, hexadecimal. */
  readonly digest: string;
  readonly offset: number;
}

/** One chunk of an artifact. Its digest is checked when it is decoded. */
export interface ArtifactChunk {
  readonly offset: number;
  readonly totalBytes: number;
  readonly data: Uint8Array;
  /** SHA-256 of `data`, hexadecimal. */
  readonly dataDigest: string;
}

/** A chunk with its digest. */
export function artifactChunk(offset: number, totalBytes: number, data: Uint8Array): ArtifactChunk {
  return { offset, totalBytes, data, dataDigest: sha256(data) };
}

function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

const fetchArtifactRequest: MessageField<FetchArtifactRequest> = message<
  FetchArtifactRequest,
  FetchArtifactRequest__Output
>("FetchArtifactRequest", { identity: deviceIdentity, digest: digest(), offset: whole() });

const fetchArtifactResponse: MessageField<ArtifactChunk> = refined(
  message<ArtifactChunk, FetchArtifactResponse__Output>("FetchArtifactResponse", {
    offset: whole(),
    totalBytes: whole({ min: 1 }),
    data: bytes({ min: 1, max: LIMITS.chunkBytes }),
    dataDigest: digest(),
  }),
  ({ offset, totalBytes, data, dataDigest }, path) => {
    if (offset + data.length > totalBytes) refuse(`${path}.data`, data, `to end within totalBytes, ${totalBytes}`);
    if (sha256(data) !== dataDigest) refuse(`${path}.dataDigest`, dataDigest, `${sha256(data)}, that of the data`);
  },
);

export const fetchArtifactRequestCodec: MessageCodec<FetchArtifactRequest> = messageCodec(
  fetchArtifactRequest,
  LIMITS.deviceMessageBytes,
);
/** A chunk and its frame. */
export const fetchArtifactResponseCodec: MessageCodec<ArtifactChunk> = messageCodec(
  fetchArtifactResponse,
  LIMITS.chunkBytes + 128,
);
