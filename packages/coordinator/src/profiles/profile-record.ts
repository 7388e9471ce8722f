import { createHash } from "node:crypto";
import { curvesOf, type Fact, fact, given, MpoError, type Profile } from "@mpo/core";
import { FLEET_SERVICE, type ReportProfileRequest } from "@mpo/protocol";
import { recordForm } from "../store/records.ts";

const { digest, list, name, object, timestampMs, whole } = fact;

/** Names of reports that are remembered. A device sends its reports in order, and repeats only what got no answer. */
const MAX_REPORTS = 256;

const headerSchema = object({
  /** Names of the reports that were stored, oldest first: a repeated one is not stored again. */
  reports: list(name(), 1, MAX_REPORTS),
  /** How many reports were stored ever. */
  storedCount: whole(1),
  /** SHA-256 of the chain's bytes; absent: it was never sent. */
  chain: digest().optional(),
  /** By the coordinator's clock. */
  receivedAtMs: timestampMs(),
  graphDigest: digest(),
  deviceClass: name(),
  measuredAtMs: timestampMs(),
  stepCount: whole(),
  curveCount: whole(),
  /** Of all that searches read: devices whose profiles have the same one have the same ladders. */
  measuredDigest: digest(),
  /** The device that measured it, where this one only checked it. */
  sharedFrom: name().optional(),
});
const headerForm = recordForm("profile", headerSchema);

/** Short facts of a device's newest profile of one model, for indexes, lists and pooling. */
export type ProfileHeader = Fact<typeof headerSchema>;

/** A profile as it is stored: its header, and the newest report's bytes, without the chain. */
export interface ProfileRecord {
  readonly header: ProfileHeader;
  readonly report: Uint8Array;
}

/** What a report makes of a record. */
export interface ProfileDecision {
  readonly record: ProfileRecord;
  readonly isDuplicate: boolean;
  /** Whether there is anything to store. */
  readonly isChanged: boolean;
}

const codec = FLEET_SERVICE.reportProfile.request;

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
  const before = record?.header;
  if (record !== undefined && before?.reports.includes(request.report) === true) {
    const isMissing = before.chain === undefined && chain !== undefined && before.reports.at(-1) === request.report;
    const next = isMissing ? { ...record, header: { ...before, chain } } : record;
    return { record: next, isDuplicate: true, isChanged: isMissing };
  }
  const { profile } = request;
  const header: ProfileHeader = {
    reports: [...(before?.reports ?? []), request.report].slice(-MAX_REPORTS),
    storedCount: (before?.storedCount ?? 0) + 1,
    chain,
    receivedAtMs: nowMs,
    graphDigest: profile.model.graphDigest,
    deviceClass: profile.device.class,
    measuredAtMs: profile.measuredAtMs,
    stepCount: profile.steps.length,
    curveCount: curvesOf(profile).length,
    measuredDigest: measuredDigest(profile),
    ...given({ sharedFrom: profile.sharedFrom }),
  };
  // As it came; without the chain, which lies once for all devices.
  const report = codec.toBytes(request.chain === undefined ? request : { ...request, chain: undefined });
  return { record: { header, report }, isDuplicate: false, isChanged: true };
}

/** SHA-256 of what was measured, whoever has measured it and when. */
function measuredDigest({ device, measuredAtMs: _, spent: __, ...rest }: Profile): string {
  return createHash("sha256")
    .update(JSON.stringify([rest, { ...device, id: "" }]))
    .digest("hex");
}

/** The report of a record. Throws `invalid-data`. */
export function reportIn({ report }: ProfileRecord): ReportProfileRequest {
  return codec.fromBytes(report);
}

const LENGTH_BYTES = 4;

/** A record as bytes: the length of its header, its header, the newest report's own bytes. */
export function profileToBytes({ header, report }: ProfileRecord): Uint8Array {
  const head = headerForm.toBytes(header);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, report]);
}

/** Reads no more than the header: the report stays as it is. Throws `invalid-data`. */
export function profileFromBytes(bytes: Uint8Array): ProfileRecord {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = buffer.length < LENGTH_BYTES ? Number.POSITIVE_INFINITY : buffer.readUInt32BE();
  if (LENGTH_BYTES + length > buffer.length) {
    throw new MpoError("invalid-data", `a profile in the store is cut off (${buffer.length} bytes)`, {
      hint: "The store is damaged: restore it from a backup.",
    });
  }
  const end = LENGTH_BYTES + length;
  return { header: headerForm.fromBytes(buffer.subarray(LENGTH_BYTES, end)), report: buffer.subarray(end) };
}
