import { createHash } from "node:crypto";
import { isName, MpoError, remembered } from "@mpo/core";
import type { DeviceIdentity } from "./messages/device.ts";

/**
 * One of 256 shards, 2 hexadecimal digits: the first byte of the SHA-256 of "tenant.device". Streams hold ranges of
 * shards, so that growing never changes a subject.
 */
function shardOf(identity: DeviceIdentity): string {
  const { tenant, device } = checked(identity);
  return createHash("sha256").update(`${tenant}.${device}`).digest("hex").slice(0, 2);
}

/** Whoever is listed or heard of is asked for in several buckets. */
const keys = new WeakMap<DeviceIdentity, string>();

/** The key of a device in every bucket that has one entry a device: "<shard>.<tenant>.<device>". */
export function deviceKey(identity: DeviceIdentity): string {
  return remembered(keys, identity, () => `${shardOf(identity)}.${identity.tenant}.${identity.device}`);
}

/** Reads a device's key back. Throws `invalid-data` when it is not valid, or not in the device's shard. */
export function parseDeviceKey(key: string): DeviceIdentity {
  const parts = key.split(".");
  const [shard, tenant, device] = parts;
  if (parts.length === 3 && isName(tenant) && isName(device)) {
    const identity = { tenant, device };
    if (shardOf(identity) === shard) return identity;
  }
  throw new MpoError(
    "invalid-data",
    `${JSON.stringify(key.slice(0, 200))} is not a valid device key; expected SHARD.TENANT.DEVICE`,
  );
}

/** Where the stream republishes a device's document after it was stored; the device's one subscription. */
export function notifySubject(identity: DeviceIdentity): string {
  return `dn.${deviceKey(identity)}`;
}

/** The key of the pooled profile of a model on a class of devices: "<class>.<model>". */
export function priorKey(deviceClass: string, model: string): string {
  return `${checkedName("device class", deviceClass)}.${checkedName("model", model)}`;
}

/** The tenant of events that concern no tenant: who may log in, and which keys there are. */
export const FLEET_TENANT = "_fleet";

/** The record of who changed what: "au.<tenant>.<kind>". */
export function auditSubject(tenant: string, kind: string): string {
  return `au.${checkedName("tenant", tenant)}.${checkedName("kind", kind)}`;
}

function checked(identity: DeviceIdentity): DeviceIdentity {
  return { tenant: checkedName("tenant", identity.tenant), device: checkedName("device", identity.device) };
}

function checkedName(what: string, value: string): string {
  if (isName(value)) return value;
  throw new MpoError(
    "invalid-argument",
    `${what} is ${JSON.stringify(String(value).slice(0, 80))}; expected 1 to 64 characters of A-Z a-z 0-9 _ -`,
    { hint: "Rename it: the name becomes part of a NATS subject." },
  );
}
