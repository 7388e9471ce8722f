import { type DeviceIdentity, deviceKey } from "@mpo/protocol";
import { BUCKETS, type StoreCallOptions } from "@mpo/transport";
import { changeEntry, type StoreContext } from "../store/change-entry.ts";
import { WatchedMap, type Watching } from "../store/watched-map.ts";
import { type EnrolmentRecord, enrolmentForm } from "./enrolment-record.ts";

/** The records of devices, by their names and by their keys. */
export class EnrolmentRecords {
  readonly #context: StoreContext;
  readonly #records: WatchedMap<EnrolmentRecord>;
  /** Keys of records by the digests of public keys, and by keys for NATS. */
  readonly #byKey = new Map<string, string>();
  readonly #byUser = new Map<string, string>();
  /** How many wait. */
  pending = 0;

  constructor(context: StoreContext) {
    this.#context = context;
    this.#records = new WatchedMap(context, {
      bucket: BUCKETS.enrolment,
      read: ({ value }) => enrolmentForm.fromBytes(value),
      onChange: (key, now, before) => this.#changed(key, now?.value, before?.value),
    });
  }

  get watching(): Watching {
    return this.#records;
  }

  get(identity: DeviceIdentity): EnrolmentRecord | undefined {
    return this.#at(deviceKey(identity));
  }

  ofKey(keyDigest: string): EnrolmentRecord | undefined {
    return this.#at(this.#byKey.get(keyDigest));
  }

  ofUser(natsPublicKey: string): EnrolmentRecord | undefined {
    return this.#at(this.#byUser.get(natsPublicKey));
  }

  *all(): Generator<EnrolmentRecord, void, undefined> {
    for (const [, { value }] of this.#records.entries()) yield value;
  }

  /** As the store has it now. */
  async load(identity: DeviceIdentity, options: StoreCallOptions): Promise<EnrolmentRecord | undefined> {
    const entry = await this.#context.store.get(BUCKETS.enrolment, deviceKey(identity), options);
    return entry === undefined ? undefined : enrolmentForm.fromBytes(entry.value);
  }

  async change(
    identity: DeviceIdentity,
    { signal }: StoreCallOptions,
    change: (record: EnrolmentRecord | undefined) => EnrolmentRecord,
  ): Promise<EnrolmentRecord> {
    const key = deviceKey(identity);
    const place = { bucket: BUCKETS.enrolment, key, signal };
    const { result, revision } = await changeEntry(this.#context, place, (current) => {
      const before = current === undefined ? undefined : enrolmentForm.fromBytes(current.value);
      const next = change(before);
      return { ...(next === before ? {} : { value: enrolmentForm.toBytes(next) }), result: next };
    });
    this.#records.note(key, result, revision);
    return result;
  }

  async forget(identity: DeviceIdentity, options: StoreCallOptions): Promise<void> {
    const key = deviceKey(identity);
    await this.#context.store.delete(BUCKETS.enrolment, key, options);
    this.#records.forget(key);
  }

  #at(key: string | undefined): EnrolmentRecord | undefined {
    return key === undefined ? undefined : this.#records.get(key)?.value;
  }

  #changed(key: string, now: EnrolmentRecord | undefined, before: EnrolmentRecord | undefined): void {
    move(this.#byKey, key, before && [before.keyDigest], now && [now.keyDigest]);
    move(this.#byUser, key, usersOf(before), usersOf(now));
    this.pending += Number(now?.state === "pending") - Number(before?.state === "pending");
  }
}

function usersOf(record: EnrolmentRecord | undefined): readonly string[] | undefined {
  return record?.natsUsers.map((user) => user.key);
}

/** What a name meant before may mean another record by now. */
function move(
  index: Map<string, string>,
  key: string,
  before: readonly string[] = [],
  now: readonly string[] = [],
): void {
  for (const name of before) if (index.get(name) === key) index.delete(name);
  for (const name of now) index.set(name, key);
}
