import { MpoError } from "@mpo/core";
import { type DeviceIdentity, deviceKey, FLEET_SERVICE } from "@mpo/protocol";
import { BUCKETS, type StoreCallOptions } from "@mpo/transport";
import type { AdaptationReservoir } from "../adaptations/reservoir.ts";
import type { DocumentService } from "../documents/document-service.ts";
import type { Audit } from "../events/audit.ts";
import type { Enrolments } from "../identity/enrolments.ts";
import { profileFromBytes, profileToBytes, reportIn } from "../profiles/profile-record.ts";
import type { StoreContext } from "../store/change-entry.ts";
import { deviceForm, withName } from "./device-record.ts";
import { isOnline } from "./presence.ts";
import type { Registry } from "./registry.ts";

export interface DeviceLifeParts extends StoreContext {
  readonly registry: Registry;
  readonly documents: DocumentService;
  /** What it has learned and shares goes with it. */
  readonly reservoir: Pick<AdaptationReservoir, "removeOf">;
  readonly audit: Audit;
  /** Absent: nobody proves who they are. */
  readonly enrolments: Enrolments | undefined;
  readonly heartbeatSeconds: () => number;
  /** Devices that were not heard of for so long are retired; undefined: none ever. */
  readonly retireAfterMs: number | undefined;
}

export interface Asking extends StoreCallOptions {
  readonly actor: string;
  readonly reason: string;
}

/** Buckets with one entry a device, in the order in which they are removed; its own record goes last. */
const BY_DEVICE = [BUCKETS.desired, BUCKETS.archive, BUCKETS.status] as const;
/** Buckets with an entry a device and model. */
const BY_MODEL = [BUCKETS.work, BUCKETS.profile] as const;

const DAY_MS = 86_400_000;
/** How often it is looked who is to be retired. */
const SWEEP_MS = 3_600_000;
/** The clock has been set when it moved by so much more than the time that went by. */
const SET_MS = 60_000;

/** The end of a device's life in the fleet, and its change of name. Each step may be repeated. */
export class DeviceLife {
  readonly #parts: DeviceLifeParts;

  constructor(parts: DeviceLifeParts) {
    this.#parts = parts;
  }

  /** Takes a device out of counts and lists. Throws `not-found`. */
  async retire(identity: DeviceIdentity, asking: Asking): Promise<number> {
    this.#requireOffline(identity, "It would be back with its next heartbeat: stop its agent first.");
    const { record, before } = await this.#parts.registry.retire(identity, { signal: asking.signal });
    if (before?.retiredAtMs === undefined) await this.#log("device-retired", identity, asking);
    return record.retiredAtMs ?? this.#parts.clock.now();
  }

  /** Forgets a device; the result is how many profiles went with it. Throws `not-found`. */
  async remove(identity: DeviceIdentity, asking: Asking): Promise<number> {
    this.#requireOffline(identity, "It would enrol again with its next heartbeat: stop its agent first.");
    const call = { signal: asking.signal };
    // One that only waits to be accepted has no more than that.
    if ((await this.#parts.enrolments?.remove(identity, call)) !== true) {
      await this.#parts.registry.required(identity, call);
    }
    const profileCount = await this.#forget(identity, call);
    await this.#log("device-removed", identity, asking);
    return profileCount;
  }

  /** Gives a device another name. Throws `not-found`, and `already-exists` for a name that another device has. */
  async rename(identity: DeviceIdentity, newName: string, asking: Asking): Promise<DeviceIdentity> {
    const { store, registry, documents, clock } = this.#parts;
    this.#requireOffline(identity, `Stop its agent first, and start it again with --device ${newName}.`);
    const call = { signal: asking.signal };
    const renamed = { ...identity, device: newName };
    const record = await registry.required(identity, call);
    if ((await registry.load(renamed, call)) !== undefined || this.#parts.enrolments?.get(renamed) !== undefined) {
      throw new MpoError("already-exists", `there is a device ${newName} of tenant ${identity.tenant} already`, {
        hint: "Choose another name, or remove that one first: mpo devices remove.",
      });
    }
    const [from, to] = [deviceKey(identity), deviceKey(renamed)];
    for (const key of await store.keys(BUCKETS.profile, { keys: `${from}.*`, ...call })) {
      const target = `${to}${key.slice(from.length)}`;
      await this.#copy(BUCKETS.profile, key, target, (bytes) => renamedProfile(bytes, renamed), call);
    }
    await documents.copyTo(identity, renamed, call);
    for (const bucket of [BUCKETS.status, BUCKETS.reported]) await this.#copy(bucket, from, to, (bytes) => bytes, call);
    await store.put(BUCKETS.ident, to, deviceForm.toBytes(withName(record, renamed, clock.now())), call);
    await this.#parts.enrolments?.rename(identity, renamed, call);
    await this.#forget(identity, call);
    const words = asking.reason === "" ? "" : `: ${asking.reason}`;
    await this.#log("device-renamed", identity, { ...asking, reason: `to ${newName}${words}` });
    await this.#log("device-renamed", renamed, { ...asking, reason: `from ${identity.device}${words}` });
    return renamed;
  }

  /** Retires who has not been heard of for long, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, retireAfterMs } = this.#parts;
    if (retireAfterMs === undefined) return;
    while (!signal.aborted) {
      const [beganAtMs, beganMs] = [clock.now(), clock.monotonicMs()];
      // First a wait: after a start or a clock that was set everybody looks long gone, and has an hour to be heard of.
      await clock.sleep(SWEEP_MS, { signal }).catch(() => undefined);
      const wasSet = Math.abs(clock.now() - beganAtMs - (clock.monotonicMs() - beganMs)) > SET_MS;
      if (!signal.aborted && !wasSet) await this.#sweep(retireAfterMs, signal);
    }
  }

  async #sweep(retireAfterMs: number, signal: AbortSignal): Promise<void> {
    const { registry, clock, logger } = this.#parts;
    const nowMs = clock.now();
    for (const { identity, enrolledAtMs } of [...registry.devices()]) {
      const silentMs = nowMs - (registry.seen(identity)?.lastSeenMs ?? enrolledAtMs);
      if (silentMs < retireAfterMs) continue;
      const reason = `not heard of for ${Math.floor(silentMs / DAY_MS)} days`;
      try {
        await this.retire(identity, { signal, actor: "coordinator", reason });
      } catch (thrown) {
        if (signal.aborted) return;
        logger.warn("a device could not be retired", { deviceId: identity.device, err: thrown });
      }
    }
  }

  #requireOffline(identity: DeviceIdentity, hint: string): void {
    const { registry, clock, heartbeatSeconds } = this.#parts;
    const seen = registry.seen(identity);
    if (seen === undefined || !isOnline(seen.lastSeenMs, clock.now(), heartbeatSeconds())) return;
    throw new MpoError("precondition-failed", `device ${identity.device} is online`, { hint });
  }

  async #forget(identity: DeviceIdentity, call: StoreCallOptions): Promise<number> {
    const { store, registry } = this.#parts;
    let profileCount = 0;
    for (const bucket of BY_MODEL) {
      const keys = await store.keys(bucket, { keys: `${deviceKey(identity)}.*`, ...call });
      for (const key of keys) await store.delete(bucket, key, call);
      profileCount = keys.length;
    }
    await this.#parts.reservoir.removeOf(identity, call);
    for (const bucket of BY_DEVICE) await store.delete(bucket, deviceKey(identity), call);
    await registry.remove(identity, call);
    return profileCount;
  }

  /** Copies an entry, if there is one, to a key that nothing reads yet. */
  async #copy(
    bucket: string,
    from: string,
    to: string,
    change: (bytes: Uint8Array) => Uint8Array,
    call: StoreCallOptions,
  ): Promise<void> {
    const { store } = this.#parts;
    const entry = await store.get(bucket, from, call);
    if (entry !== undefined) await store.put(bucket, to, change(entry.value), call);
  }

  async #log(kind: string, identity: DeviceIdentity, { actor, reason }: Asking): Promise<void> {
    const { logger, audit } = this.#parts;
    logger.info("a device's place in the fleet has changed", { deviceId: identity.device, kind, actor, reason });
    await audit.log({ kind, identity, actor, message: reason });
  }
}

const codec = FLEET_SERVICE.reportProfile.request;

function renamedProfile(bytes: Uint8Array, identity: DeviceIdentity): Uint8Array {
  const record = profileFromBytes(bytes);
  const request = reportIn(record);
  const { profile } = request;
  const renamed = { ...request, identity, profile: { ...profile, device: { ...profile.device, id: identity.device } } };
  return profileToBytes({ ...record, report: codec.toBytes(renamed) });
}
