import { createHash } from "node:crypto";
import { isName, MpoError } from "@mpo/core";
import type { DeviceIdentity } from "./messages/device.ts";

/** How many virtual shards there are. Streams hold ranges of them, so growing never changes a subject. */
export const SHARD_COUNT = 256;

/** The shard of a device, 2 hexadecimal digits: the first byte of the SHA-256 of "tenant.device". */
export function shardOf(identity: DeviceIdentity): string {
  const { tenant, device } = checked(identity);
  return createHash("sha256").update(`${tenant}.${device}`).digest("hex").slice(0, 2);
}

/** The key of a device in every bucket that has one entry a device: "<shard>.<tenant>.<device>". */
export function deviceKey(identity: DeviceIdentity): string {
  return `${shardOf(identity)}.${identity.tenant}.${identity.device}`;
}

/** Reads a device's key back. Throws `invalid-data` when it is none, or lies in a shard that is not the device's. */
export function parseDeviceKey(key: string): DeviceIdentity {
  const parts = key.split(".");
  const [shard, tenant, device] = parts;
  if (parts.length === 3 && isName(tenant) && isName(device)) {
    const identity = { tenant, device };
    if (shardOf(identity) === shard) return identity;
  }
  throw new MpoError(
    "invalid-data",
    `${JSON.stringify(key.slice(0, 200))} is no device key; expected SHARD.TENANT.DEVICE`,
  );
}

/** Buckets of JetStream's key-value store. */
export const BUCKETS = {
  /** Newest document of each device; a device reads its own. */
  desired: "desired",
  /** What each device last told; written by coordinators only. */
  reported: "reported",
  /** Inventory and labels of each device. */
  ident: "ident",
  /** Pooled profiles by class and model. */
  prior: "prior",
  /** Who works on which shard. */
  lease: "lease",
} as const;

/** Where a write to a device's document lands: the bucket's own subject. A device reads it by direct get. */
export function desiredSubject(identity: DeviceIdentity): string {
  return `$KV.${BUCKETS.desired}.${deviceKey(identity)}`;
}

/** Where the stream republishes a device's document after it was stored; the device's one subscription. */
export function notifySubject(identity: DeviceIdentity): string {
  return `dn.${deviceKey(identity)}`;
}

/** What the stream of documents republishes, and to where. */
export const DESIRED_REPUBLISH: { readonly src: string; readonly dest: string } = {
  src: `$KV.${BUCKETS.desired}.>`,
  dest: "dn.>",
};

/** Where a profile of a device is stored, one subject a model. */
export function profileSubject(identity: DeviceIdentity, model: string): string {
  return `pf.${deviceKey(identity)}.${checkedName("model", model)}`;
}

/** Where a status report of a device is stored. */
export function reportSubject(identity: DeviceIdentity): string {
  return `rp.${deviceKey(identity)}`;
}

/** Where a whole shard is told to look ("dc.<shard>"). Throws `invalid-argument` when it is no shard. */
export function cohortSubject(shard: string): string {
  if (!/^[0-9a-f]{2}$/u.test(shard)) {
    throw new MpoError("invalid-argument", `shard is ${JSON.stringify(shard)}; expected two hexadecimal digits`);
  }
  return `dc.${shard}`;
}

/** The key of the pooled profile of a model on a class of devices: "<class>.<model>". */
export function priorKey(deviceClass: string, model: string): string {
  return `${checkedName("device class", deviceClass)}.${checkedName("model", model)}`;
}

/** Where it is written down who changed what: "au.<tenant>.<kind>". */
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
