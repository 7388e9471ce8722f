import { type DeviceIdentity, type DocumentStatus, deviceKey, type ReportStatusRequest } from "@mpo/protocol";
import type { Logger } from "@mpo/runtime";
import { BUCKETS, type StoreCallOptions } from "@mpo/transport";
import { changeEntry, type StoreContext } from "../store/change-entry.ts";
import { WatchedMap, type Watching } from "../store/watched-map.ts";
import { NO_STATUS, type StatusRecord, statusFromBytes, statusToBytes, withStatus } from "./status-record.ts";

/** What devices told of documents and windows. */
export class StatusService {
  readonly #context: StoreContext;
  readonly #newest: WatchedMap<DocumentStatus | undefined>;

  constructor(context: StoreContext, logger: Logger) {
    this.#context = context;
    this.#newest = new WatchedMap({
      clock: context.clock,
      store: context.store,
      logger,
      bucket: BUCKETS.status,
      read: ({ value }) => statusFromBytes(value).documents[0]?.status,
    });
  }

  get watches(): readonly Watching[] {
    return [this.#newest];
  }

  /** The status of the newest document that a device has told of. */
  newest(identity: DeviceIdentity): DocumentStatus | undefined {
    return this.#newest.get(deviceKey(identity))?.value;
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
      { bucket: BUCKETS.status, key, ...(signal === undefined ? {} : { signal }) },
      (current) => {
        const before = current === undefined ? NO_STATUS : statusFromBytes(current.value);
        const { record, isDuplicate } = withStatus(before, received);
        const result = { record, isDuplicate: isDuplicate && !isOurs };
        if (isDuplicate) return { result };
        isOurs = true;
        return { value: statusToBytes(record), result };
      },
    );
    this.#newest.note(key, result.record.documents[0]?.status, revision);
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
