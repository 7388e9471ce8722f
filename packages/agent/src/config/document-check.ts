import { createHash } from "node:crypto";
import { formatVersion, MpoError } from "@mpo/core";
import {
  compareVersions,
  type DesiredDocument,
  type DesiredEnvelope,
  type DeviceIdentity,
  type DocumentVersion,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
} from "@mpo/protocol";
import type { VersionFloor } from "./stored-config.ts";

/** Whether an envelope's signatures are good: throws `unauthenticated` when not. The seam for signed documents. */
export type VerifyEnvelope = (envelope: DesiredEnvelope) => void;

/** What a document is held against. */
export interface DocumentContext {
  readonly identity: DeviceIdentity;
  readonly deviceClass: string;
  readonly floor: VersionFloor | undefined;
  /** The best known time, milliseconds since 1970-01-01 UTC. */
  readonly nowMs: number;
  /** Default: every envelope is good. */
  readonly verify?: VerifyEnvelope | undefined;
}

/** What came of looking at an envelope. */
export type DocumentVerdict =
  | { readonly kind: "accepted"; readonly document: DesiredDocument; readonly floor: VersionFloor }
  | Refusal;

/** `version` is known once the document could be read and was for this device. */
export interface Refusal {
  readonly kind: "refused";
  readonly reason: RefusalReason;
  readonly message: string;
  readonly version?: DocumentVersion | undefined;
}

const REFUSAL_REASONS = ["unreadable", "unsigned", "foreign", "older", "changed", "expired", "unsupported"] as const;
type RefusalReason = (typeof REFUSAL_REASONS)[number];

/**
 * Looks at an envelope as it came: size, form, signature, for whom, newer than everything accepted before, not expired,
 * for an agent not newer than this. Never throws. The checks answer the attacks on updates that The Update Framework
 * lists: foreign, old, changed or endless content.
 */
export function checkDocument(envelopeBytes: Uint8Array, context: DocumentContext): DocumentVerdict {
  let envelope: DesiredEnvelope;
  let document: DesiredDocument;
  try {
    envelope = desiredEnvelopeCodec.fromBytes(envelopeBytes);
    context.verify?.(envelope);
    document = desiredDocumentCodec.fromBytes(envelope.document);
  } catch (thrown) {
    const error = MpoError.from(thrown);
    return refused(error.code === "unauthenticated" ? "unsigned" : "unreadable", error.message);
  }
  const { identity, deviceClass, floor, nowMs } = context;
  if (document.tenant !== identity.tenant || document.device !== identity.device) {
    return refused(
      "foreign",
      `it is for ${document.tenant}/${document.device}, not ${identity.tenant}/${identity.device}`,
    );
  }
  const { version } = document;
  if (document.deviceClass !== deviceClass) {
    return refused("foreign", `it is for devices of class ${document.deviceClass}; this is a ${deviceClass}`, version);
  }
  const order = floor === undefined ? 1 : compareVersions(version, floor);
  if (floor !== undefined && order < 0) {
    return refused(
      "older",
      `version ${formatVersion(version)} is older than ${formatVersion(floor)}, which was accepted before`,
      version,
    );
  }
  if (order === 0 && floor !== undefined && floor.digest !== floorOf(document).digest) {
    return refused("changed", `version ${formatVersion(version)} was accepted before with another content`, version);
  }
  if (document.expiresAtMs <= Math.max(nowMs, floor?.issuedAtMs ?? 0)) {
    return refused("expired", `it expired at ${new Date(document.expiresAtMs).toISOString()}`, version);
  }
  const accepted = floorOf(document);
  const issuedAtMs = Math.max(accepted.issuedAtMs, floor?.issuedAtMs ?? 0);
  return { kind: "accepted", document, floor: { ...accepted, issuedAtMs } };
}

/** The floor that a document sets once it is accepted. */
export function floorOf(document: DesiredDocument): VersionFloor {
  const { version, issuedAtMs } = document;
  // A device that was given another name has the same documents, for that name.
  const content = desiredDocumentCodec.toBytes({ ...document, device: "-" });
  return { ...version, digest: createHash("sha256").update(content).digest("hex"), issuedAtMs };
}

function refused(reason: RefusalReason, message: string, version?: DocumentVersion): Refusal {
  return { kind: "refused", reason, message, version };
}
