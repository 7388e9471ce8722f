import {
  compareVersions,
  type DeviceIdentity,
  type DocumentVersion,
  type HelloRequest,
  type Inventory,
  type Label,
  type Resources,
  type ServedModel,
} from "@mpo/protocol";
import { recordFromBytes, recordToBytes } from "../store/records.ts";

/** What a device is, as it told. Changes rarely. */
export interface DeviceRecord {
  readonly identity: DeviceIdentity;
  readonly inventory: Inventory;
  readonly labels: readonly Label[];
  readonly models: readonly ServedModel[];
  /** When it became part of the fleet, by the coordinator's clock. */
  readonly enrolledAtMs: number;
  /** The newest document that it has ever told of: new ones must be newer. */
  readonly versionFloor?: DocumentVersion;
}

/** What a device had free when it was last heard of. Changes with every heartbeat. */
export interface SeenRecord {
  readonly resources: Resources;
  /** By the coordinator's clock. */
  readonly lastSeenMs: number;
  readonly appliedVersion?: DocumentVersion;
}

/** What a device tells of itself when it enrols or says hello. */
export type DeviceFacts = Pick<HelloRequest, "identity" | "inventory" | "labels"> &
  Partial<Pick<HelloRequest, "models" | "versionFloor">>;

/** The record of a device that told facts; the same object when nothing changed. A floor never sinks. */
export function withFacts(record: DeviceRecord | undefined, facts: DeviceFacts, nowMs: number): DeviceRecord {
  const versionFloor = newer(record?.versionFloor, facts.versionFloor);
  const next: DeviceRecord = {
    identity: facts.identity,
    inventory: facts.inventory,
    labels: facts.labels,
    models: facts.models ?? record?.models ?? [],
    enrolledAtMs: record?.enrolledAtMs ?? nowMs,
    ...(versionFloor === undefined ? {} : { versionFloor }),
  };
  return record !== undefined && JSON.stringify(record) === JSON.stringify(next) ? record : next;
}

/** The newer of two versions; undefined: neither is there. */
export function newer(
  left: DocumentVersion | undefined,
  right: DocumentVersion | undefined,
): DocumentVersion | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return compareVersions(left, right) >= 0 ? left : right;
}

const DEVICE = "device";
const SEEN = "last-seen";

export function deviceToBytes(record: DeviceRecord): Uint8Array {
  return recordToBytes(DEVICE, record);
}

/** Throws `invalid-data`. */
export function deviceFromBytes(bytes: Uint8Array): DeviceRecord {
  return recordFromBytes(DEVICE, bytes);
}

export function seenToBytes(record: SeenRecord): Uint8Array {
  return recordToBytes(SEEN, record);
}

/** Throws `invalid-data`. */
export function seenFromBytes(bytes: Uint8Array): SeenRecord {
  return recordFromBytes(SEEN, bytes);
}
