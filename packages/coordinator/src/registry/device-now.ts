import type { Condition, DocumentStatus } from "@mpo/protocol";
import type { ShortDocument } from "../documents/document-service.ts";
import { conditionsOf, type ReportSources } from "./device-conditions.ts";
import { type DeviceRecord, neverSeen, type SeenRecord } from "./device-record.ts";
import { isOnline } from "./presence.ts";
import type { Registry } from "./registry.ts";

export interface NowParts extends ReportSources {
  readonly registry: Pick<Registry, "seen">;
  /** The time by which devices count as there or away. */
  readonly presenceMs: () => number;
  readonly heartbeatSeconds: () => number;
}

/** A device as it is now: what it has said, and what follows from it. Each part is looked up when it is asked for. */
export class DeviceNow {
  readonly #parts: NowParts;
  readonly record: DeviceRecord;

  constructor(parts: NowParts, record: DeviceRecord) {
    this.#parts = parts;
    this.record = record;
  }

  get seen(): SeenRecord {
    const { identity, enrolledAtMs } = this.record;
    return this.#parts.registry.seen(identity) ?? neverSeen(enrolledAtMs);
  }

  get isOnline(): boolean {
    const { presenceMs, heartbeatSeconds } = this.#parts;
    return isOnline(this.seen.lastSeenMs, presenceMs(), heartbeatSeconds());
  }

  get conditions(): readonly Condition[] {
    return conditionsOf(this.#parts, this.record, { nowMs: this.#parts.presenceMs(), isOnline: this.isOnline });
  }

  /** The newest document that was made for it. */
  get desired(): ShortDocument | undefined {
    return this.#parts.documents.newest(this.record.identity);
  }

  /** The newest document that it has reported of. */
  get reported(): DocumentStatus | undefined {
    return this.#parts.statuses.newest(this.record.identity);
  }
}
