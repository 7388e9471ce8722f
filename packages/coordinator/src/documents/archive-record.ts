import { createHash } from "node:crypto";
import { fact } from "@mpo/core";
import {
  compareVersions,
  type DesiredDocument,
  type DeviceIdentity,
  type DocumentVersion,
  desiredDocumentCodec,
  type Explanation,
  explanationCodec,
} from "@mpo/protocol";
import { packed, packedBytes, recordForm, unpacked } from "../store/records.ts";

/** A document that was pushed once, as it was sent. */
export interface ArchivedDocument {
  readonly bytes: Uint8Array;
}

/** An explanation, kept under the digest of its document: it may be of one that was never pushed. */
export interface KeptExplanation {
  readonly digest: string;
  readonly explanation: Explanation;
}

/** Documents of a device before its newest one, and explanations of the newest ones. */
export interface ArchiveRecord {
  /** Newest first. All of them were pushed. */
  readonly documents: readonly ArchivedDocument[];
  /** Newest first. */
  readonly explanations: readonly KeptExplanation[];
}

export const EMPTY_ARCHIVE: ArchiveRecord = { documents: [], explanations: [] };

/** Documents before the newest one that are kept. */
export const MAX_DOCUMENTS = 16;
/** Explanations are many times larger than documents, and asked for of the newest. */
const MAX_EXPLANATIONS = 3;

/** SHA-256 of a document's bytes. */
export function documentDigest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The archive before `next` takes the place of `current`: the current document is in it, and next's explanation. */
export function withNext(
  archive: ArchiveRecord,
  { current, next }: { readonly current: Uint8Array | undefined; readonly next: KeptExplanation },
): ArchiveRecord {
  const digest = current === undefined ? undefined : documentDigest(current);
  const older = archive.documents.filter(({ bytes }) => documentDigest(bytes) !== digest);
  const ofCurrent = archive.explanations.filter((one) => one.digest === digest);
  const rest = archive.explanations.filter((one) => one.digest !== digest && one.digest !== next.digest);
  return {
    documents: [...(current === undefined ? [] : [{ bytes: current }]), ...older].slice(0, MAX_DOCUMENTS),
    explanations: [next, ...ofCurrent, ...rest].slice(0, MAX_EXPLANATIONS),
  };
}

/** A document's bytes under another device's name. */
export function renamedDocument(bytes: Uint8Array, identity: DeviceIdentity): Uint8Array {
  return desiredDocumentCodec.toBytes({ ...desiredDocumentCodec.fromBytes(bytes), ...identity });
}

/** The archive of a device that has another name from now on. `current`: its newest document, by its old name. */
export function renamedArchive(
  { documents, explanations }: ArchiveRecord,
  current: Uint8Array,
  identity: DeviceIdentity,
): ArchiveRecord {
  const all = [current, ...documents.map(({ bytes }) => bytes)];
  const digests = new Map(
    all.map((bytes) => [documentDigest(bytes), documentDigest(renamedDocument(bytes, identity))]),
  );
  return {
    documents: documents.map(({ bytes }) => ({ bytes: renamedDocument(bytes, identity) })),
    explanations: explanations.map((one) => ({ ...one, digest: digests.get(one.digest) ?? one.digest })),
  };
}

/** A pushed document of a version; undefined: it is not kept any more, or never was. */
export function archivedDocument(archive: ArchiveRecord, version: DocumentVersion): DesiredDocument | undefined {
  return archive.documents
    .map(({ bytes }) => desiredDocumentCodec.fromBytes(bytes))
    .find((document) => compareVersions(document.version, version) === 0);
}

const { digest, list, object } = fact;
const form = recordForm(
  "archive",
  object({
    documents: list(packedBytes, 0, MAX_DOCUMENTS),
    explanations: list(object({ digest: digest(), explanation: packedBytes }), 0, MAX_EXPLANATIONS),
  }),
);

export function archiveToBytes({ documents, explanations }: ArchiveRecord): Uint8Array {
  return form.toBytes({
    documents: documents.map(({ bytes }) => packed(bytes)),
    explanations: explanations.map((one) => ({
      digest: one.digest,
      explanation: packed(explanationCodec.toBytes(one.explanation)),
    })),
  });
}

/** Throws `invalid-data`. */
export function archiveFromBytes(bytes: Uint8Array): ArchiveRecord {
  const { documents, explanations } = form.fromBytes(bytes);
  return {
    documents: documents.map((text) => ({ bytes: unpacked(text) })),
    explanations: explanations.map((one) => ({
      digest: one.digest,
      explanation: explanationCodec.fromBytes(unpacked(one.explanation)),
    })),
  };
}
