import { MpoError } from "@mpo/core";
import {
  FLEET_SERVICE,
  type ReportAdaptationRequest,
  type ReportProfileRequest,
  type ReportStatusRequest,
} from "@mpo/protocol";

const { reportProfile, reportStatus, reportAdaptation } = FLEET_SERVICE;

export type WaitingReport =
  | { readonly kind: "profile"; readonly request: ReportProfileRequest }
  | { readonly kind: "status"; readonly request: ReportStatusRequest }
  | { readonly kind: "adaptation"; readonly request: ReportAdaptationRequest };

export type OutboxRecord =
  | WaitingReport
  /** The report of this name needs no sending any more. */
  | { readonly kind: "done"; readonly report: string }
  /** The least sequence that was not given out yet. */
  | { readonly kind: "outbox"; readonly nextSequence: number };

const TAGS = { outbox: 1, profile: 2, status: 3, done: 4, adaptation: 5 } as const;

/** A tag byte, then the message as on the wire, or JSON. */
export function encodeOutboxRecord(record: OutboxRecord): Uint8Array {
  return Buffer.concat([Uint8Array.of(TAGS[record.kind]), bodyOf(record)]);
}

function bodyOf(record: OutboxRecord): Uint8Array {
  switch (record.kind) {
    case "profile":
      return reportProfile.request.toBytes(record.request);
    case "status":
      return reportStatus.request.toBytes(record.request);
    case "adaptation":
      return reportAdaptation.request.toBytes(record.request);
    case "done":
      return Buffer.from(record.report);
    case "outbox":
      return Buffer.from(String(record.nextSequence));
  }
}

/** Throws `invalid-data` for what `encodeOutboxRecord` did not make. */
export function decodeOutboxRecord(bytes: Uint8Array): OutboxRecord {
  const body = bytes.subarray(1);
  switch (bytes[0] ?? 0) {
    case TAGS.profile:
      return { kind: "profile", request: reportProfile.request.fromBytes(body) };
    case TAGS.status:
      return { kind: "status", request: reportStatus.request.fromBytes(body) };
    case TAGS.adaptation:
      return { kind: "adaptation", request: reportAdaptation.request.fromBytes(body) };
    case TAGS.done:
      return { kind: "done", report: Buffer.from(body).toString("utf8") };
    case TAGS.outbox:
      return { kind: "outbox", nextSequence: Number(Buffer.from(body).toString("utf8")) };
    default:
      throw new MpoError("invalid-data", `an outbox has no records of kind ${bytes[0]}`);
  }
}
