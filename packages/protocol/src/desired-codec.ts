import type { RetrainConfig } from "@mpo/core";
import { list, type MessageField, message, optional, orEmpty, refined } from "./composed-fields.ts";
import { type Field, refuse } from "./field.ts";
import {
  bytes,
  choice,
  digest,
  integer,
  name,
  number,
  positive,
  type Range,
  text,
  timestampMs,
  whole,
} from "./fields.ts";
import type { Budget__Output } from "./gen/mpo/v1/Budget.ts";
import type { DesiredDocument__Output } from "./gen/mpo/v1/DesiredDocument.ts";
import type { DesiredEnvelope__Output } from "./gen/mpo/v1/DesiredEnvelope.ts";
import type { DocumentSignature__Output } from "./gen/mpo/v1/DocumentSignature.ts";
import type { DocumentVersion__Output } from "./gen/mpo/v1/DocumentVersion.ts";
import type { Estimate__Output } from "./gen/mpo/v1/Estimate.ts";
import type { Reason__Output } from "./gen/mpo/v1/Reason.ts";
import type { Rung__Output } from "./gen/mpo/v1/Rung.ts";
import { LIMITS, MAX_SECONDS, MAX_WHOLE } from "./limits.ts";
import { type MessageCodec, messageCodec } from "./message-codec.ts";
import { retrainConfig } from "./retrain-config-codec.ts";

/** A predicted quantity: `lower <= value <= upper`, in the unit of its field. */
export interface Estimate {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

/** What one retraining window may spend. */
export interface WireBudget {
  /** Over the idle worker. */
  readonly memoryBytes: number;
  readonly windowSeconds: number;
}

/** What the best rung is best at. */
export type WireObjective = "accuracy" | "memory" | "time";

/** One choice of a ladder with its predictions. */
export interface WireRung {
  readonly config: RetrainConfig;
  readonly memoryBytes: Estimate;
  readonly stepSeconds: Estimate;
  /** At the end of the window, 0 to 1; absent when none could be predicted. */
  readonly accuracy?: Estimate;
}

/** Why a document says what it says: a code for programs and words for people. */
export interface Reason {
  readonly code: string;
  readonly text: string;
}

/** Position of a document in the order of all documents of a device. */
export interface DocumentVersion {
  readonly epoch: number;
  readonly version: number;
}

/** What a device shall run (design, section 7). Times are milliseconds since 1970-01-01 UTC. */
export interface DesiredDocument extends Readonly<{ tenant: string; device: string }> {
  readonly deviceClass: string;
  readonly version: DocumentVersion;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly rollout?: string;
  readonly model: string;
  /** SHA-256 of the model's manifest, hexadecimal. */
  readonly modelDigest: string;
  readonly minAgentVersion?: string;
  readonly objective: WireObjective;
  readonly budget: WireBudget;
  /** Cheapest memory first. */
  readonly rungs: readonly WireRung[];
  readonly chosenRung: number;
  readonly reasons: readonly Reason[];
}

/** An Ed25519 signature over a document's bytes. */
export interface DocumentSignature {
  readonly key: string;
  readonly signature: Uint8Array;
}

/** A document as it travels and is stored: its exact bytes, and signatures over them. */
export interface DesiredEnvelope {
  readonly document: Uint8Array;
  readonly signatures: readonly DocumentSignature[];
}

/** Compares two positions: below 0 when `left` is older, above 0 when it is newer. */
export function compareVersions(left: DocumentVersion, right: DocumentVersion): number {
  return left.epoch - right.epoch || left.version - right.version;
}

/** An estimate whose bounds lie in a range and in order. */
export function estimate(range: Range): MessageField<Estimate> {
  const bound = number(range);
  const parts = message<Estimate, Estimate__Output>("Estimate", { value: bound, lower: bound, upper: bound });
  return refined(parts, ({ value, lower, upper }, path) => {
    if (lower > value) refuse(`${path}.lower`, lower, `at most the value, ${value}`);
    if (upper < value) refuse(`${path}.upper`, upper, `at least the value, ${value}`);
  });
}

export const objective: Field<WireObjective> = choice({
  accuracy: "OBJECTIVE_ACCURACY",
  memory: "OBJECTIVE_MEMORY",
  time: "OBJECTIVE_TIME",
});

export const budget: MessageField<WireBudget> = message<WireBudget, Budget__Output>("Budget", {
  memoryBytes: whole({ min: 1 }),
  windowSeconds: positive(MAX_SECONDS),
});

export const rung: MessageField<WireRung> = message<WireRung, Rung__Output>("Rung", {
  config: retrainConfig,
  memoryBytes: estimate({ min: 0, max: MAX_WHOLE }),
  stepSeconds: estimate({ min: 0, max: MAX_SECONDS }),
  accuracy: optional(estimate({ min: 0, max: 1 })),
});

export const reason: MessageField<Reason> = message<Reason, Reason__Output>("Reason", {
  code: name(),
  text: text({ min: 1, max: 256 }),
});

export const documentVersion: MessageField<DocumentVersion> = message<DocumentVersion, DocumentVersion__Output>(
  "DocumentVersion",
  { epoch: whole({ min: 1 }), version: whole({ min: 1 }) },
);

export const desiredDocument: MessageField<DesiredDocument> = refined(
  message<DesiredDocument, DesiredDocument__Output>("DesiredDocument", {
    tenant: name(),
    device: name(),
    deviceClass: name(),
    version: documentVersion,
    issuedAtMs: timestampMs(),
    expiresAtMs: timestampMs(),
    rollout: orEmpty(name()),
    model: name(),
    modelDigest: digest(),
    minAgentVersion: orEmpty(text({ max: 64 })),
    objective,
    budget,
    rungs: list(rung, { min: 1, max: 64 }),
    chosenRung: integer({ min: 0, max: 63 }),
    reasons: list(reason, { max: 16 }),
  }),
  ({ issuedAtMs, expiresAtMs, chosenRung, rungs }, path) => {
    if (expiresAtMs <= issuedAtMs) refuse(`${path}.expiresAtMs`, expiresAtMs, `later than issuedAtMs, ${issuedAtMs}`);
    if (chosenRung >= rungs.length) refuse(`${path}.chosenRung`, chosenRung, `one of the ${rungs.length} rungs`);
  },
);

const documentSignature: MessageField<DocumentSignature> = message<DocumentSignature, DocumentSignature__Output>(
  "DocumentSignature",
  { key: name(), signature: bytes({ min: 64, max: 64 }) },
);

export const desiredEnvelope: MessageField<DesiredEnvelope> = message<DesiredEnvelope, DesiredEnvelope__Output>(
  "DesiredEnvelope",
  { document: bytes({ min: 1, max: LIMITS.documentBytes }), signatures: list(documentSignature, { max: 8 }) },
);

/**
 * A document's bytes. They are its protobuf encoding: fields in the order of their numbers, no maps, so that one
 * document has one encoding (tested), a tenth of the size of JSON for a schedule's actions. Signatures cover the bytes as
 * they travel, and what was received is stored as it came: nothing that must be verified is ever encoded again, so
 * an older agent can verify a document with fields that it does not know.
 */
export const desiredDocumentCodec: MessageCodec<DesiredDocument> = messageCodec(desiredDocument, LIMITS.documentBytes);

/** What lies in NATS under the device's key. */
export const desiredEnvelopeCodec: MessageCodec<DesiredEnvelope> = messageCodec(desiredEnvelope, LIMITS.envelopeBytes);
