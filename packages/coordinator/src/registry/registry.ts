import { given, MpoError, SECOND_MS } from "@mpo/core";
import {
  compareVersions,
  type DeviceIdentity,
  type DocumentVersion,
  deviceKey,
  type ResourcePoint,
} from "@mpo/protocol";
import { BUCKETS, type StoreCallOptions } from "@mpo/transport";
import { changeEntry, type StoreContext } from "../store/change-entry.ts";
import { type Watched, WatchedMap, type Watching } from "../store/watched-map.ts";
import {
  type DeviceFacts,
  type DeviceRecord,
  deviceForm,
  newer,
  type SeenRecord,
  seenForm,
  withFacts,
} from "./device-record.ts";
import { type Instances, isNews, type Sighting, sighted } from "./instances.ts";
import { ResourceHistory } from "./resource-history.ts";

/** What is said again so soon is not stored again: a hello right after a heartbeat brings nothing new. */
const SAME_MS = 5_000;

/** What a device is, and what it was before; undefined: it was not known. */
export interface Introduction {
  readonly record: DeviceRecord;
  readonly before: DeviceRecord | undefined;
}

function unknownDevice({ tenant, device }: DeviceIdentity): MpoError {
  return new MpoError("not-found", `there is no device ${device} of tenant ${tenant}`, {
    hint: "List the devices: mpo devices list.",
  });
}

export interface RegistryOptions {
  /** How often devices say that they are there, at least: each of these is stored. */
  readonly heartbeatSeconds: number;
}

/** Who is in the fleet, what each device is, and when it was last heard of. */
export class Registry {
  readonly #context: StoreContext;
  readonly #sameMs: number;
  readonly #devices: WatchedMap<DeviceRecord>;
  readonly #seen: WatchedMap<SeenRecord>;
  readonly #history = new ResourceHistory((key) => this.#devices.get(key) !== undefined);

  constructor(context: StoreContext, { heartbeatSeconds }: RegistryOptions) {
    this.#context = context;
    this.#sameMs = Math.min(SAME_MS, (heartbeatSeconds * SECOND_MS) / 2);
    this.#devices = new WatchedMap(context, {
      bucket: BUCKETS.ident,
      read: ({ value }) => deviceForm.fromBytes(value),
    });
    this.#seen = new WatchedMap(context, {
      bucket: BUCKETS.reported,
      read: ({ value }) => seenForm.fromBytes(value),
      // Also what other coordinators heard of.
      onChange: (key, now) => {
        if (now !== undefined) this.#history.note(key, now.value);
      },
    });
  }

  get watches(): readonly Watching[] {
    return [this.#devices, this.#seen];
  }

  get size(): number {
    return this.#devices.size;
  }

  device(identity: DeviceIdentity): DeviceRecord | undefined {
    return this.#devices.get(deviceKey(identity))?.value;
  }

  /** A device as it is in the store now: the index may not have heard of it yet. */
  async load(identity: DeviceIdentity, options: StoreCallOptions = {}): Promise<DeviceRecord | undefined> {
    const entry = await this.#context.store.get(BUCKETS.ident, deviceKey(identity), options);
    return entry === undefined ? undefined : deviceForm.fromBytes(entry.value);
  }

  /** The same. Throws `not-found`. */
  async required(identity: DeviceIdentity, options: StoreCallOptions = {}): Promise<DeviceRecord> {
    const device = await this.load(identity, options);
    if (device === undefined) throw unknownDevice(identity);
    return device;
  }

  seen(identity: DeviceIdentity): SeenRecord | undefined {
    return this.#seen.get(deviceKey(identity))?.value;
  }

  /** How a device has fared, oldest first: for a day, or since this coordinator started. */
  history(identity: DeviceIdentity): readonly ResourcePoint[] {
    return this.#history.of(deviceKey(identity));
  }

  /** All devices of the fleet, in no order; retired ones are not of it. */
  *devices({ withRetired = false }: { readonly withRetired?: boolean } = {}): Generator<DeviceRecord, void, undefined> {
    for (const [, { value }] of this.#devices.entries())
      if (withRetired || value.retiredAtMs === undefined) yield value;
  }

  async introduce(facts: DeviceFacts, { signal }: StoreCallOptions = {}): Promise<Introduction> {
    const key = deviceKey(facts.identity);
    const known = this.#devices.get(key);
    // Most devices say hello again and again without anything new: no need to ask the store.
    if (known !== undefined && withFacts(known.value, facts, 0) === known.value) {
      return { record: known.value, before: known.value };
    }
    return await this.#change(key, signal, (record) => withFacts(record, facts, this.#context.clock.now()));
  }

  /** Changes the record of a device that is known; nothing happens to others. */
  async change(
    identity: DeviceIdentity,
    change: (record: DeviceRecord) => DeviceRecord,
    { signal }: StoreCallOptions = {},
  ): Promise<DeviceRecord | undefined> {
    const known = await this.load(identity, { signal });
    if (known === undefined) return undefined;
    const { record } = await this.#change(deviceKey(identity), signal, (current) => change(current ?? known));
    return record;
  }

  /** Notes which instance speaks for a device; undefined: the device is not known. */
  async sight(
    identity: DeviceIdentity,
    now: Sighting,
    silentMs: number,
    options: StoreCallOptions = {},
  ): Promise<{ readonly before: Instances | undefined; readonly instances: Instances } | undefined> {
    const device = this.device(identity);
    if (device === undefined) return undefined;
    const lastSeenMs = this.seen(identity)?.lastSeenMs ?? 0;
    let before: Instances | undefined;
    const next = ({ instances }: DeviceRecord): Instances => {
      before = instances;
      const { accepted, other } = instances ?? {};
      const isAlone = accepted !== undefined && other === undefined;
      // Of one that is alone only the heartbeats are stored.
      const known = isAlone
        ? { ...instances, accepted: { ...accepted, lastSeenMs: Math.max(accepted.lastSeenMs, lastSeenMs) } }
        : instances;
      return sighted(known, now, silentMs);
    };
    const instances = next(device);
    if (!isNews(before, instances, silentMs)) return { before, instances };
    const record = await this.change(identity, (current) => ({ ...current, instances: next(current) }), options);
    return { before, instances: record?.instances ?? instances };
  }

  /** Stores that a device knows a document, if that is newer than all before. Does nothing for unknown devices. */
  async raiseFloor(
    identity: DeviceIdentity,
    version: DocumentVersion,
    { signal }: StoreCallOptions = {},
  ): Promise<DeviceRecord | undefined> {
    const key = deviceKey(identity);
    const known: Watched<DeviceRecord> | undefined = this.#devices.get(key);
    if (known === undefined || newer(known.value.versionFloor, version) === known.value.versionFloor)
      return known?.value;
    const { record } = await this.#change(key, signal, (current) => {
      if (current === undefined) return known.value;
      const floor = newer(current.versionFloor, version);
      return floor === current.versionFloor || floor === undefined ? current : { ...current, versionFloor: floor };
    });
    return record;
  }

  /** Stores that a device is retired. Throws `not-found`. */
  async retire(identity: DeviceIdentity, { signal }: StoreCallOptions = {}): Promise<Introduction> {
    return await this.#change(deviceKey(identity), signal, (current) => {
      if (current === undefined) throw unknownDevice(identity);
      return current.retiredAtMs === undefined ? { ...current, retiredAtMs: this.#context.clock.now() } : current;
    });
  }

  /** Forgets a device: the last step of removing it. */
  async remove(identity: DeviceIdentity, options: StoreCallOptions = {}): Promise<void> {
    const key = deviceKey(identity);
    await this.#context.store.delete(BUCKETS.reported, key, options);
    await this.#context.store.delete(BUCKETS.ident, key, options);
    this.#seen.forget(key);
    this.#devices.forget(key);
  }

  /** Stores that a device was heard of now. Concurrent writes may overtake each other: the next heartbeat settles it. */
  async saw(
    identity: DeviceIdentity,
    facts: Pick<SeenRecord, "resources" | "appliedVersion" | "conditions" | "doing">,
    options: StoreCallOptions = {},
  ): Promise<SeenRecord> {
    const key = deviceKey(identity);
    const { resources, appliedVersion, doing } = facts;
    const known = this.#seen.get(key)?.value;
    const nowMs = this.#context.clock.now();
    // A hello does not say how the device fares: the heartbeat before it did.
    const conditions = facts.conditions ?? known?.conditions ?? [];
    const hasNews =
      !isSame(known?.appliedVersion, appliedVersion) ||
      known?.doing?.kind !== doing?.kind ||
      known?.doing?.model !== doing?.model ||
      JSON.stringify(known?.conditions ?? []) !== JSON.stringify(conditions);
    if (known !== undefined && this.#isSameMoment(known, nowMs) && !hasNews) return known;
    const record: SeenRecord = { resources, lastSeenMs: nowMs, appliedVersion, conditions, ...given({ doing }) };
    await this.#putSeen(key, record, options);
    return record;
  }

  /** Stores that a device was heard of now: it reported something else than how it is. */
  async heardOf(identity: DeviceIdentity, options: StoreCallOptions = {}): Promise<void> {
    const key = deviceKey(identity);
    const known = this.#seen.get(key)?.value;
    const nowMs = this.#context.clock.now();
    // Who has not said yet how it is will do so next: it says hello before all else.
    if (known === undefined || this.#isSameMoment(known, nowMs)) return;
    await this.#putSeen(key, { ...known, lastSeenMs: nowMs }, options);
  }

  async #putSeen(key: string, record: SeenRecord, options: StoreCallOptions): Promise<void> {
    const revision = await this.#context.store.put(BUCKETS.reported, key, seenForm.toBytes(record), options);
    this.#seen.note(key, record, revision);
  }

  #isSameMoment({ lastSeenMs }: SeenRecord, nowMs: number): boolean {
    return nowMs >= lastSeenMs && nowMs - lastSeenMs < this.#sameMs;
  }

  async #change(
    key: string,
    signal: AbortSignal | undefined,
    change: (record: DeviceRecord | undefined) => DeviceRecord,
  ): Promise<Introduction> {
    const place = { bucket: BUCKETS.ident, key, signal };
    const { result, revision } = await changeEntry(this.#context, place, (current) => {
      const before = current === undefined ? undefined : deviceForm.fromBytes(current.value);
      const record = change(before);
      const value = record === before ? {} : { value: deviceForm.toBytes(record) };
      return { ...value, result: { record, before } };
    });
    this.#devices.note(key, result.record, revision);
    return result;
  }
}

function isSame(left: DocumentVersion | undefined, right: DocumentVersion | undefined): boolean {
  return left === undefined || right === undefined ? left === right : compareVersions(left, right) === 0;
}
