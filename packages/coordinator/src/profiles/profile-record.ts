import { MpoError, type Profile } from "@mpo/core";
import { type ReportProfileRequest, reportProfileRequestCodec } from "@mpo/protocol";
import { recordFromBytes, recordToBytes } from "../store/records.ts";

/** What is kept of a device's profile of one model besides its measurements. */
export interface ProfileHeader {
  /** Names of the reports that were stored, oldest first: a repeated one is not stored again. */
  readonly reports: readonly string[];
  /** How many reports were stored ever. */
  readonly storedCount: number;
  /** SHA-256 of the chain's bytes; absent: nobody has sent it. */
  readonly chain?: string;
  /** By the coordinator's clock. */
  readonly receivedAtMs: number;
}

/** A profile as it is stored: the newest report as it came, and its header. */
export interface ProfileRecord extends ProfileHeader {
  readonly request: ReportProfileRequest;
}

/** Names of reports that are remembered. A device sends its reports in order, and repeats only what got no answer. */
const MAX_REPORTS = 256;

/** What a report makes of a record. */
export interface ProfileDecision {
  readonly record: ProfileRecord;
  readonly isDuplicate: boolean;
  /** Whether there is anything to store. */
  readonly isChanged: boolean;
}

/**
 * The record after a report. A report whose name was stored before changes nothing but a chain that was missing; a new one
 * takes the place of the profile before it. `chain`: the digest of the chain that came with it, or that is known to be
 * the model's.
 */
export function withReport(
  record: ProfileRecord | undefined,
  request: ReportProfileRequest,
  { chain, nowMs }: { readonly chain: string | undefined; readonly nowMs: number },
): ProfileDecision {
  if (record?.reports.includes(request.report) === true) {
    const isMissing = record.chain === undefined && chain !== undefined && record.reports.at(-1) === request.report;
    return { record: isMissing ? { ...record, chain } : record, isDuplicate: true, isChanged: isMissing };
  }
  const { chain: _, ...stored } = request;
  const next: ProfileRecord = {
    reports: [...(record?.reports ?? []), request.report].slice(-MAX_REPORTS),
    storedCount: (record?.storedCount ?? 0) + 1,
    ...(chain === undefined ? {} : { chain }),
    receivedAtMs: nowMs,
    request: stored,
  };
  return { record: next, isDuplicate: false, isChanged: true };
}

const KIND = "profile";
const LENGTH_BYTES = 4;

/** A record as bytes: the length of its header, its header, the newest report's own bytes. */
export function profileToBytes({ request, ...header }: ProfileRecord): Uint8Array {
  const head = recordToBytes(KIND, header);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, reportProfileRequestCodec.toBytes(request)]);
}

/** The header alone: for indexes, which must not hold all measurements. Throws `invalid-data`. */
export function headerFromBytes(bytes: Uint8Array): ProfileHeader {
  return recordFromBytes(KIND, parts(bytes).head);
}

/** Throws `invalid-data`. */
export function profileFromBytes(bytes: Uint8Array): ProfileRecord {
  const { head, body } = parts(bytes);
  const header: ProfileHeader = recordFromBytes(KIND, head);
  return { ...header, request: reportProfileRequestCodec.fromBytes(body) };
}

function parts(bytes: Uint8Array): { readonly head: Uint8Array; readonly body: Uint8Array } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = buffer.length < LENGTH_BYTES ? Number.POSITIVE_INFINITY : buffer.readUInt32BE();
  if (LENGTH_BYTES + length > buffer.length) {
    throw new MpoError("invalid-data", `a profile in the store is cut off (${buffer.length} bytes)`, {
      hint: "The store is damaged: restore it from a backup.",
    });
  }
  return { head: buffer.subarray(LENGTH_BYTES, LENGTH_BYTES + length), body: buffer.subarray(LENGTH_BYTES + length) };
}

/** Short facts of a profile, for lists and for pooling. */
export interface ProfileFacts extends Omit<ProfileHeader, "reports"> {
  readonly lastReport: string;
  readonly modelDigest: string;
  readonly deviceClass: string;
  readonly measuredAtMs: number;
  readonly stepCount: number;
  readonly curveCount: number;
}

/** The facts of a record. */
export function factsOf({ request, reports, ...header }: ProfileRecord): ProfileFacts {
  const profile: Profile = request.profile;
  return {
    ...header,
    lastReport: reports.at(-1) ?? request.report,
    modelDigest: profile.model.digest,
    deviceClass: profile.device.class,
    measuredAtMs: profile.measuredAtMs,
    stepCount: profile.steps.length,
    curveCount: profile.accuracy.length,
  };
}
