import type { AccuracyPrediction, Bounded, Prediction, SearchBudget, SearchObjective } from "@mpo/core";
import { list, type MessageField, message, refined } from "./composed-fields.ts";
import { type Field, refuse } from "./field.ts";
import { bytes, choice, digest, integer, name, number, positive, share, text, timestampMs, whole } from "./fields.ts";
import type { AccuracyPrediction__Output } from "./gen/mpo/v1/AccuracyPrediction.ts";
import type { Bounded__Output } from "./gen/mpo/v1/Bounded.ts";
import type { Budget__Output } from "./gen/mpo/v1/Budget.ts";
import type { DesiredDocument__Output } from "./gen/mpo/v1/DesiredDocument.ts";
import type { DesiredEnvelope__Output } from "./gen/mpo/v1/DesiredEnvelope.ts";
import type { DocumentSignature__Output } from "./gen/mpo/v1/DocumentSignature.ts";
import type { DocumentVersion__Output } from "./gen/mpo/v1/DocumentVersion.ts";
import type { Reason__Output } from "./gen/mpo/v1/Reason.ts";
import type { Rung__Output } from "./gen/mpo/v1/Rung.ts";
import { LIMITS, MAX_MS, MAX_WHOLE } from "./limits.ts";
import { type MessageCodec, messageCodec } from "./message-codec.ts";
import { retrainConfig } from "./retrain-config-codec.ts";

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

/** What a device shall run (deploy/decisions/6-a-push-is-a-hint.md). Times are milliseconds since 1970-01-01 UTC. */
export interface DesiredDocument extends Readonly<{ tenant: string; device: string }> {
  readonly deviceClass: string;
  readonly version: DocumentVersion;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly model: string;
  /** SHA-256 of the model's manifest, hexadecimal. */
  readonly modelDigest: string;
  readonly objective: SearchObjective;
  readonly budget: SearchBudget;
  /** Cheapest memory first. */
  readonly rungs: readonly Prediction[];
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

/** A prediction from 0 to its bound, in the unit of its field. */
function bounded(max: number): MessageField<Bounded> {
  const bound = number({ min: 0, max });
  const parts = message<Bounded, Bounded__Output>("Bounded", { expected: bound, upper: bound });
  return refined(parts, ({ expected, upper }, path) => {
    if (upper < expected) refuse(`${path}.upper`, upper, `at least what is expected, ${expected}`);
  });
}

const steps = integer({ min: 0, max: 1e9 });
const accuracyPrediction: MessageField<AccuracyPrediction> = refined(
  message<AccuracyPrediction, AccuracyPrediction__Output>("AccuracyPrediction", {
    expected: share(),
    lower: share(),
    upper: share(),
    steps,
  }),
  ({ expected, lower, upper }, path) => {
    if (lower > expected) refuse(`${path}.lower`, lower, `at most what is expected, ${expected}`);
    if (upper < expected) refuse(`${path}.upper`, upper, `at least what is expected, ${expected}`);
  },
);

export const objective: Field<SearchObjective> = choice({
  accuracy: "OBJECTIVE_ACCURACY",
  memory: "OBJECTIVE_MEMORY",
  time: "OBJECTIVE_TIME",
});

export const budget: MessageField<SearchBudget> = message<SearchBudget, Budget__Output>("Budget", {
  memoryBytes: whole({ min: 1 }),
  windowMs: positive(MAX_MS),
});

export const rung: MessageField<Prediction> = message<Prediction, Rung__Output>("Rung", {
  config: retrainConfig,
  memoryBytes: bounded(MAX_WHOLE),
  stepMs: bounded(MAX_MS),
  stepsInWindow: steps,
  accuracy: accuracyPrediction,
  trainingMs: number({ min: 0, max: MAX_MS }),
  unknowns: list(text({ min: 1, max: 256 }), { max: 8 }),
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
    model: name(),
    modelDigest: digest(),
    objective,
    budget,
    rungs: list(rung, { min: 1, max: 64 }),
    chosenRung: integer({ min: 0, max: 63 }),
    reasons: list(reason, { max: 16 }),
  }),
  ({ issuedAtMs, expiresAtMs, chosenRung, rungs }, path) => {
    if (expiresAtMs <= issuedAtMs) refuse(`${path}.expiresAtMs`, expiresAtMs, `later than issuedAtMs, ${issuedAtMs}`);
    rungs.forEach(({ memoryBytes: { upper } }, index) => {
      const below = rungs[index - 1]?.memoryBytes.upper ?? 0;
      if (upper < below) refuse(`${path}.rungs[${index}].memoryBytes.upper`, upper, `at least that below, ${below}`);
    });
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
