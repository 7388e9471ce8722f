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

/** What an envelope's signatures are worth: the epoch of the key document that has the key, or what is wrong with them. */
export type SignatureVerdict =
  | { readonly kind: "signed"; readonly epoch: number }
  /** Not signed at all; by keys that are not known only; by a known one, but for other bytes. */
  | { readonly kind: "refused"; readonly reason: "unsigned" | "other-key" | "mixed-up"; readonly message: string };

/** Looks at an envelope's signatures. The seam for signed documents. */
export type VerifyEnvelope = (envelope: DesiredEnvelope) => SignatureVerdict;

/** What a document is held against. */
export interface DocumentContext {
  readonly identity: DeviceIdentity;
  readonly deviceClass: string;
  /** Names of the models that the device serves; empty: the program has not put any there yet. */
  readonly models: readonly string[];
  readonly floor: VersionFloor | undefined;
  /** The best known time, milliseconds since 1970-01-01 UTC. */
  readonly nowMs: number;
  /** Why nothing of a document may run by the owner's limits. Default: all of it may. */
  readonly excess?: ((document: DesiredDocument) => string | undefined) | undefined;
  /** Default: every envelope is good. */
  readonly verify?: VerifyEnvelope | undefined;
}

/** What came of looking at an envelope. */
export type DocumentVerdict =
  | { readonly kind: "accepted"; readonly document: DesiredDocument; readonly floor: VersionFloor }
  | Refusal;

/** `version` is what the document says, if it could be read: nothing vouches for it. */
export interface Refusal {
  readonly kind: "refused";
  readonly reason: RefusalReason;
  readonly message: string;
  readonly version?: DocumentVersion | undefined;
}

/** One word for each check, as statuses and logs have it. */
const REFUSAL_REASONS = [
  "oversize",
  "unreadable",
  "unsigned",
  "other-key",
  "mixed-up",
  "other-tenant",
  "other-device",
  "other-class",
  "other-model",
  "fast-forward",
  "rollback",
  "older",
  "changed",
  "expired",
  "over-limits",
  "not-fetched",
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/**
 * Looks at an envelope as it came: size, form, signature, for whom, newer than everything accepted before, not expired.
 * Never throws. The checks answer the attacks on updates that The Update Framework lists: foreign, old, mixed or endless
 * content.
 */
export function checkDocument(bytes: Uint8Array, context: DocumentContext): DocumentVerdict {
  if (bytes.length > desiredEnvelopeCodec.maxBytes) {
    return refused("oversize", `it has ${bytes.length} bytes; at most ${desiredEnvelopeCodec.maxBytes} are taken`);
  }
  let document: DesiredDocument;
  let signed: SignatureVerdict | undefined;
  try {
    const envelope = desiredEnvelopeCodec.fromBytes(bytes);
    signed = context.verify?.(envelope);
    document = desiredDocumentCodec.fromBytes(envelope.document);
  } catch (thrown) {
    return refused("unreadable", MpoError.from(thrown).message);
  }
  const { floor, nowMs } = context;
  const { version } = document;
  if (signed?.kind === "refused") return refused(signed.reason, signed.message, version);
  const other = otherTarget(document, context);
  if (other !== undefined) return { ...other, version };
  if (signed !== undefined && version.epoch !== signed.epoch) {
    const reason = version.epoch > signed.epoch ? "fast-forward" : "rollback";
    return refused(reason, `its epoch is ${version.epoch}; that of the keys is ${signed.epoch}`, version);
  }
  const order = floor === undefined ? 1 : compareVersions(version, floor);
  if (floor !== undefined && order < 0) {
    const reason = version.epoch < floor.epoch ? "rollback" : "older";
    const words = `version ${formatVersion(version)} is older than ${formatVersion(floor)}, which was accepted before`;
    return refused(reason, words, version);
  }
  if (order === 0 && floor !== undefined && floor.digest !== floorOf(document).digest) {
    return refused("changed", `version ${formatVersion(version)} was accepted before with another content`, version);
  }
  if (document.expiresAtMs <= Math.max(nowMs, floor?.issuedAtMs ?? 0)) {
    return refused("expired", `it expired at ${new Date(document.expiresAtMs).toISOString()}`, version);
  }
  const excess = context.excess?.(document);
  if (excess !== undefined) return refused("over-limits", excess, version);
  const accepted = floorOf(document);
  const issuedAtMs = Math.max(accepted.issuedAtMs, floor?.issuedAtMs ?? 0);
  return { kind: "accepted", document, floor: { ...accepted, issuedAtMs } };
}

/** Why a document is not for this device; undefined: it is. */
function otherTarget(document: DesiredDocument, context: DocumentContext): Refusal | undefined {
  const { identity, deviceClass, models } = context;
  if (document.tenant !== identity.tenant) {
    return refused("other-tenant", `it is for tenant ${document.tenant}, not ${identity.tenant}`);
  }
  if (document.device !== identity.device) {
    return refused("other-device", `it is for device ${document.device}, not ${identity.device}`);
  }
  if (document.deviceClass !== deviceClass) {
    return refused("other-class", `it is for devices of class ${document.deviceClass}; this is a ${deviceClass}`);
  }
  // Where nothing is served the program has not started: the document waits. What is served later is offered again then.
  if (models.length > 0 && !models.includes(document.model)) {
    return refused("other-model", `it is for model ${document.model}; this device serves ${models.join(", ")}`);
  }
  return undefined;
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
