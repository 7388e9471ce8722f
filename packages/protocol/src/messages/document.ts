import {
  budgetSchema,
  type Fact,
  fact,
  hoursSchema,
  METHOD_NAMES,
  objectiveSchema,
  predictionSchema,
  REASON_LENGTH,
} from "@mpo/core";
import { LIMITS } from "../limits.ts";
import { messageCodec } from "../message-codec.ts";
import { artifactVersion, deviceIdentity } from "./device.ts";

const { bytes, consistent, digest, flag, list, name, object, text, timestampMs, whole, word } = fact;

/** Why a document says what it says: a code for programs and words for people. */
export type Reason = Fact<typeof reason>;
export const reason = object({ code: name(), text: text(1, REASON_LENGTH) });

export const MAX_REASONS = 16;
const MAX_RUNGS = 64;

/** Index of a rung in a document's ladder. */
export const rungIndex = whole(0, MAX_RUNGS - 1);

/** Position of a document in the order of all documents of a device. */
export type DocumentVersion = Fact<typeof documentVersion>;
export const documentVersion = object({ epoch: whole(1), version: whole(1) });

/** What a device should run. */
export type DesiredDocument = Fact<typeof desiredDocument>;
export const desiredDocument = consistent(
  object({
    ...deviceIdentity.shape,
    deviceClass: name(),
    version: documentVersion,
    issuedAtMs: timestampMs(),
    expiresAtMs: timestampMs(),
    model: name(),
    manifestDigest: digest(),
    /** The published version of the model; absent: as it was deployed on the device. */
    artifact: artifactVersion.optional(),
    objective: objectiveSchema,
    budget: budgetSchema,
    /** A budget that a person gave stays; one of the policy follows the device. */
    budgetSource: word(["given", "policy"]),
    /** Cheapest memory first; none: the published version is to be measured first. */
    rungs: list(predictionSchema, 0, MAX_RUNGS),
    chosenRung: rungIndex,
    reasons: list(reason, 0, MAX_REASONS),
    /** What it answers: a document is made once for each request. */
    request: text(1, REASON_LENGTH),
    /** Before it is trusted, a few steps of the rung that fits are run, and thrown away. */
    check: flag().optional(),
    /** To be left free beyond what the agent leaves. */
    reserveBytes: whole(1).optional(),
    /** When work under it may begin, by the device's local time; the owner's hours hold too. */
    hours: hoursSchema.optional(),
    /** That its ladder was searched for; absent: the agent's. */
    method: word(METHOD_NAMES).optional(),
    /** A given configuration: only people and rollouts replace it. */
    isFixed: flag().optional(),
  }),
  ({ issuedAtMs, expiresAtMs, chosenRung, rungs, artifact }, refuse) => {
    if (expiresAtMs <= issuedAtMs) refuse(["expiresAtMs"], expiresAtMs, `later than issuedAtMs, ${issuedAtMs}`);
    rungs.forEach(({ memoryBytes: { upper } }, index) => {
      const below = rungs[index - 1]?.memoryBytes.upper ?? 0;
      if (upper < below) refuse(["rungs", index, "memoryBytes", "upper"], upper, `at least that below, ${below}`);
    });
    if (rungs.length === 0 && artifact === undefined) refuse(["rungs"], rungs, "at least one, or a published version");
    if (chosenRung > Math.max(0, rungs.length - 1))
      refuse(["chosenRung"], chosenRung, `one of the ${rungs.length} rungs`);
  },
);

/** An Ed25519 signature over a document's bytes. */
export type DocumentSignature = Fact<typeof documentSignature>;
const documentSignature = object({ key: name(), signature: bytes(64, 64) });

/** W3C Trace Context's name of a span. */
export const traceparent = text(1, 64);

/** A document as it travels and is stored: its exact bytes, and signatures over them. */
export type DesiredEnvelope = Fact<typeof desiredEnvelope>;
export const desiredEnvelope = object({
  document: bytes(1, LIMITS.documentBytes),
  signatures: list(documentSignature, 0, 8),
  /** What caused it, in the form of W3C Trace Context; not signed, for nothing is decided by it. */
  traceparent: traceparent.optional(),
});

/** Compares two positions: below 0 when `left` is older, above 0 when it is newer. */
export function compareVersions(left: DocumentVersion, right: DocumentVersion): number {
  return left.epoch - right.epoch || left.version - right.version;
}

/**
 * A document's bytes. They are its protobuf encoding: fields in the order of their numbers, no maps, so that one
 * document has one encoding (tested), a tenth of the size of JSON for a schedule's actions. Signatures cover the bytes as
 * they travel, and what was received is stored as it came: nothing that must be verified is ever encoded again, so
 * an older agent can verify a document with fields that it does not know.
 */
export const desiredDocumentCodec = messageCodec("DesiredDocument", desiredDocument, LIMITS.documentBytes);

/** What lies in NATS under the device's key. */
export const desiredEnvelopeCodec = messageCodec("DesiredEnvelope", desiredEnvelope, LIMITS.envelopeBytes);
