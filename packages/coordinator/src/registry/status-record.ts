import { type Fact, fact } from "@mpo/core";
import {
  compareVersions,
  type DocumentStatus,
  type DocumentVersion,
  type ProbeFailure,
  type ReportStatusRequest,
  schemas,
  type WindowResult,
  windowResultCodec,
} from "@mpo/protocol";
import { packed, packedBytes, recordForm, unpacked } from "../store/records.ts";

const { list, name, object, whole } = fact;

const MAX_REPORTS = 256;
const MAX_DOCUMENTS = 32;
/** As many as an answer of the Admin service holds. */
const MAX_WINDOWS = 64;
/** As many as models that a device may serve. */
const MAX_FAILURES = 32;
/** Windows with long schedules must leave room for the rest of the record. */
const MAX_WINDOW_TEXT = 90_000;

const sequence = whole(1);
const reportedDocument = object({ status: schemas.documentStatus, sequence });
const reportedFailure = object({ failure: schemas.probeFailure, sequence });
const reportedDrift = object({ model: name(), sequence });
type ReportedDrift = Fact<typeof reportedDrift>;
const shared = {
  /** Names of the reports that were stored, oldest first. */
  reports: list(name(), 0, MAX_REPORTS),
  /** How many were stored ever. */
  storedCount: whole(),
  /** Newest version first. */
  documents: list(reportedDocument, 0, MAX_DOCUMENTS),
  /** One a model, newest first. */
  failures: list(reportedFailure, 0, MAX_FAILURES),
  /** The newest drift of each model, newest first. */
  drifts: list(reportedDrift, 0, MAX_FAILURES),
};
/** Windows are kept in the form of the wire, which is short. */
const storedWindow = object({ sequence, result: packedBytes });
const form = recordForm("status", object({ ...shared, windows: list(storedWindow, 0, MAX_WINDOWS) }));

/** What became of one document, with the place of the report in the order of the device's reports. */
export type ReportedDocument = Fact<typeof reportedDocument>;

/** The newest failed probe of a model. */
export type ReportedFailure = Fact<typeof reportedFailure>;

export interface ReportedWindow {
  readonly result: WindowResult;
  readonly sequence: number;
}

/** What a device has reported of its documents, windows and failed probes. */
export interface StatusRecord {
  readonly reports: readonly string[];
  readonly storedCount: number;
  readonly documents: readonly ReportedDocument[];
  readonly failures: readonly ReportedFailure[];
  readonly drifts: readonly ReportedDrift[];
  /** In order of their sequence, newest first. */
  readonly windows: readonly ReportedWindow[];
}

export const NO_STATUS: StatusRecord = {
  reports: [],
  storedCount: 0,
  documents: [],
  windows: [],
  failures: [],
  drifts: [],
};

/** What a report makes of a record. */
export interface StatusDecision {
  readonly record: StatusRecord;
  readonly isDuplicate: boolean;
}

/**
 * The record after a report. Reports may come twice, late and out of order: a name is stored once, the sequence decides
 * which of two reports of a document is the newer, and a state that is final stays.
 */
export function withStatus(record: StatusRecord, { report, sequence, status }: ReportStatusRequest): StatusDecision {
  if (record.reports.includes(report)) return { record, isDuplicate: true };
  return {
    isDuplicate: false,
    record: {
      reports: [...record.reports, report].slice(-MAX_REPORTS),
      storedCount: record.storedCount + 1,
      documents:
        status.kind === "document" ? withDocument(record.documents, status.document, sequence) : record.documents,
      windows: status.kind === "window" ? withWindow(record.windows, status.window, sequence) : record.windows,
      failures: status.kind === "probe" ? withFailure(record.failures, status.probe, sequence) : record.failures,
      drifts: status.kind === "drift" ? withDrift(record.drifts, status.drift.model, sequence) : record.drifts,
    },
  };
}

/** Whether a state is the last of its document. What was refused is taken where the reason is gone: a model is served now. */
function isFinal({ state }: DocumentStatus): boolean {
  return state === "confirmed" || state === "failed";
}

function withDocument(
  documents: readonly ReportedDocument[],
  status: DocumentStatus,
  sequence: number,
): readonly ReportedDocument[] {
  const known = documents.find((one) => compareVersions(one.status.version, status.version) === 0);
  if (known !== undefined && (isFinal(known.status) || known.sequence > sequence)) {
    // A final state that comes late still ends its document.
    if (isFinal(known.status) || !isFinal(status)) return documents;
  }
  return [...documents.filter((one) => one !== known), { status, sequence }]
    .sort((left, right) => compareVersions(right.status.version, left.status.version))
    .slice(0, MAX_DOCUMENTS);
}

function withWindow(
  windows: readonly ReportedWindow[],
  result: WindowResult,
  sequence: number,
): readonly ReportedWindow[] {
  const all = [...windows.filter((one) => one.result.window !== result.window), { result, sequence }]
    .sort((left, right) => right.sequence - left.sequence)
    .slice(0, MAX_WINDOWS);
  while (all.length > 1 && JSON.stringify(all.map(packedWindow)).length > MAX_WINDOW_TEXT) all.pop();
  return all;
}

function withFailure(
  failures: readonly ReportedFailure[],
  failure: ProbeFailure,
  sequence: number,
): readonly ReportedFailure[] {
  const known = failures.find((one) => one.failure.model === failure.model);
  if (known !== undefined && known.sequence > sequence) return failures;
  return [...failures.filter((one) => one !== known), { failure, sequence }]
    .sort((left, right) => right.sequence - left.sequence)
    .slice(0, MAX_FAILURES);
}

function withDrift(drifts: readonly ReportedDrift[], model: string, sequence: number): readonly ReportedDrift[] {
  const known = drifts.find((one) => one.model === model);
  if (known !== undefined && known.sequence > sequence) return drifts;
  return [{ model, sequence }, ...drifts.filter((one) => one !== known)].slice(0, MAX_FAILURES);
}

/** Models whose inputs are no longer those that they did well on: none has been replaced since it was reported. */
export function driftedModels({ drifts, windows }: StatusRecord): readonly string[] {
  const isAdapted = (drift: ReportedDrift): boolean =>
    windows.some(
      ({ result, sequence }) =>
        result.model === drift.model && result.outcome === "replaced" && sequence > drift.sequence,
    );
  return drifts.flatMap((drift) => (isAdapted(drift) ? [] : drift.model));
}

/** What a device has reported of a version; undefined: nothing. */
export function statusOf(record: StatusRecord, version: DocumentVersion): DocumentStatus | undefined {
  return record.documents.find(({ status }) => compareVersions(status.version, version) === 0)?.status;
}

/** The newest document that was confirmed, and older than a version. */
export function newestConfirmed(record: StatusRecord, before: DocumentVersion): DocumentVersion | undefined {
  return record.documents.find(
    ({ status: { state, version } }) => state === "confirmed" && compareVersions(version, before) < 0,
  )?.status.version;
}

function packedWindow({ result, sequence }: ReportedWindow): Fact<typeof storedWindow> {
  return { sequence, result: packed(windowResultCodec.toBytes(result)) };
}

export function statusToBytes(record: StatusRecord): Uint8Array {
  return form.toBytes({ ...record, windows: record.windows.map(packedWindow) });
}

/** Throws `invalid-data`. */
export function statusFromBytes(bytes: Uint8Array): StatusRecord {
  const stored = form.fromBytes(bytes);
  const windows = stored.windows.map(({ sequence, result }) => {
    return { sequence, result: windowResultCodec.fromBytes(unpacked(result)) };
  });
  return { ...stored, windows };
}
