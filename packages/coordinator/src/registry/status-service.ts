import {
  compareVersions,
  type DeviceIdentity,
  type DocumentStatus,
  type DocumentVersion,
  deviceKey,
  type ReportStatusRequest,
} from "@mpo/protocol";
import { BUCKETS, type StoreCallOptions } from "@mpo/transport";
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

/** What is kept of a device's reports in memory. */
interface Known {
  readonly newest: DocumentStatus | undefined;
  readonly versions: readonly DocumentVersion[];
  readonly drifted: readonly string[];
}

function knownOf(record: StatusRecord): Known {
  const { documents } = record;
  const versions = documents.map(({ status }) => status.version);
  return { newest: documents[0]?.status, versions, drifted: driftedModels(record) };
}

/** What devices reported of documents and windows. */
export class StatusService {
  readonly #context: StoreContext;
  readonly #known: WatchedMap<Known>;

  constructor(context: StoreContext) {
    this.#context = context;
    this.#known = new WatchedMap(context, {
      bucket: BUCKETS.status,
      read: ({ value }) => knownOf(statusFromBytes(value)),
    });
  }

  get watches(): readonly Watching[] {
    return [this.#known];
  }

  /** The status of the newest document that a device has reported. */
  newest(identity: DeviceIdentity): DocumentStatus | undefined {
    return this.#known.get(deviceKey(identity))?.value.newest;
  }

  /** Models whose inputs have drifted, and which have not been replaced since. */
  drifted(identity: DeviceIdentity): readonly string[] | undefined {
    return this.#known.get(deviceKey(identity))?.value.drifted;
  }

  hasReported(identity: DeviceIdentity, version: DocumentVersion): boolean {
    const versions = this.#known.get(deviceKey(identity))?.value.versions ?? [];
    return versions.some((one) => compareVersions(one, version) === 0);
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
    this.#known.note(key, knownOf(result.record), revision);
    return { isDuplicate: result.isDuplicate };
  }

  /** All that is kept of a device, from the store. */
  async load(identity: DeviceIdentity, options: StoreCallOptions = {}): Promise<StatusRecord> {
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
