import {
  compareVersions,
  type DeviceIdentity,
  type DocumentStatus,
  type DocumentVersion,
  deviceKey,
  type ProbeFailure,
  type ReportStatusRequest,
} from "@mpo/protocol";
import { BUCKETS, type ReadOptions, type StoreCallOptions } from "@mpo/transport";
import { changeEntry, type StoreContext } from "../store/change-entry.ts";
import { WatchedMap, type Watching } from "../store/watched-map.ts";
import {
  driftedModels,
  NO_STATUS,
  type StatusRecord,
  statusFromBytes,
  statusToBytes,
  withStatus,
} from "./status-record.ts";
import { type WindowFacts, windowFacts } from "./window-facts.ts";

/** What is kept of a device's reports in memory. */
interface KnownReports {
  /** Newest version first. */
  readonly documents: readonly DocumentStatus[];
  /** Newest first. */
  readonly windows: readonly WindowFacts[];
  readonly drifted: readonly string[];
  /** The newest failed probe of each model. */
  readonly failures: readonly ProbeFailure[];
}

const MAX_WINDOWS = 8;

function knownReports(record: StatusRecord): KnownReports {
  const { documents, windows } = record;
  return {
    drifted: driftedModels(record),
    failures: record.failures.map(({ failure }) => failure),
    documents: documents.map(({ status }) => status),
    windows: windows.slice(0, MAX_WINDOWS).map(({ result }) => windowFacts(result)),
  };
}

/** What devices reported of documents and windows. */
export class StatusService {
  readonly #context: StoreContext;
  readonly #known: WatchedMap<KnownReports>;

  constructor(context: StoreContext) {
    this.#context = context;
    this.#known = new WatchedMap(context, {
      bucket: BUCKETS.status,
      read: ({ value }) => knownReports(statusFromBytes(value)),
    });
  }

  get watches(): readonly Watching[] {
    return [this.#known];
  }

  /** The status of the newest document that a device has reported. */
  newest(identity: DeviceIdentity): DocumentStatus | undefined {
    return this.#known.get(deviceKey(identity))?.value.documents[0];
  }

  /** What a device has reported of a version; undefined: nothing, or it is not kept any more. */
  of(identity: DeviceIdentity, version: DocumentVersion): DocumentStatus | undefined {
    const documents = this.#known.get(deviceKey(identity))?.value.documents ?? [];
    return documents.find((one) => compareVersions(one.version, version) === 0);
  }

  /** The newest document that a device has confirmed, and that is older than a version. */
  lastGood(identity: DeviceIdentity, before: DocumentVersion): DocumentVersion | undefined {
    const documents = this.#known.get(deviceKey(identity))?.value.documents ?? [];
    return documents.find(({ state, version }) => state === "confirmed" && compareVersions(version, before) < 0)
      ?.version;
  }

  /** The newest checks and windows of a device, newest first. */
  windows(identity: DeviceIdentity): readonly WindowFacts[] {
    return this.#known.get(deviceKey(identity))?.value.windows ?? [];
  }

  /** Models whose inputs have drifted, and which have not been replaced since. */
  drifted(identity: DeviceIdentity): readonly string[] | undefined {
    return this.#known.get(deviceKey(identity))?.value.drifted;
  }

  /** The newest failed probe of each of a device's models; a profile may have come since. */
  failures(identity: DeviceIdentity): readonly ProbeFailure[] {
    return this.#known.get(deviceKey(identity))?.value.failures ?? [];
  }

  hasReported(identity: DeviceIdentity, version: DocumentVersion): boolean {
    return this.of(identity, version) !== undefined;
  }

  /** Stores a report. When this returns, it is stored, once. */
  async store(
    request: ReportStatusRequest,
    { signal }: StoreCallOptions = {},
  ): Promise<{ readonly isDuplicate: boolean }> {
    const key = deviceKey(request.identity);
    const received = receivedAt(request, this.#context.clock.now());
    let isOurs = false;
    const { result, revision } = await changeEntry(
      this.#context,
      { bucket: BUCKETS.status, key, signal },
      (current) => {
        const before = current === undefined ? NO_STATUS : statusFromBytes(current.value);
        const { record, isDuplicate } = withStatus(before, received);
        const result = { record, isDuplicate: isDuplicate && !isOurs };
        if (isDuplicate) return { result };
        isOurs = true;
        return { value: statusToBytes(record), result };
      },
    );
    this.#known.note(key, knownReports(result.record), revision);
    return { isDuplicate: result.isDuplicate };
  }

  /** All that is kept of a device, from the store. */
  async load(identity: DeviceIdentity, options: ReadOptions = {}): Promise<StatusRecord> {
    const entry = await this.#context.store.get(BUCKETS.status, deviceKey(identity), options);
    return entry === undefined ? NO_STATUS : statusFromBytes(entry.value);
  }
}

/** A report with the time of its receipt: ages are counted from it, not from the device's clock. */
function receivedAt(request: ReportStatusRequest, receivedAtMs: number): ReportStatusRequest {
  const { status } = request;
  if (status.kind === "document" || status.kind === "drift") return request;
  if (status.kind === "window")
    return { ...request, status: { ...status, window: { ...status.window, receivedAtMs } } };
  return { ...request, status: { ...status, probe: { ...status.probe, receivedAtMs } } };
}
