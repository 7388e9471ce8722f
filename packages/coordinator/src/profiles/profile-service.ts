import { createHash } from "node:crypto";
import { type Chain, isName, MpoError } from "@mpo/core";
import { chainCodec, type DeviceIdentity, deviceKey, parseDeviceKey, type ReportProfileRequest } from "@mpo/protocol";
import { BUCKETS, type ReadOptions, type StateStore, type StoreCallOptions } from "@mpo/transport";
import { changeEntry, isConflict, type StoreContext } from "../store/change-entry.ts";
import { type Watched, WatchedMap, type Watching } from "../store/watched-map.ts";
import { type ProfileHeader, profileFromBytes, profileToBytes, reportIn, withReport } from "./profile-record.ts";

/** Whose profile of which model. */
export interface ProfileName {
  readonly identity: DeviceIdentity;
  readonly model: string;
}

export interface StoredReport {
  readonly header: ProfileHeader;
  readonly revision: number;
  readonly isDuplicate: boolean;
}

/** A profile in the store, read whole. */
export interface LoadedProfile {
  readonly header: ProfileHeader;
  readonly request: ReportProfileRequest;
  readonly revision: number;
}

/** The key of a profile: "<shard>.<tenant>.<device>.<model>". */
export function profileKey({ identity, model }: ProfileName): string {
  if (!isName(model)) throw new MpoError("invalid-argument", `${JSON.stringify(model)} is not a valid name of a model`);
  return `${deviceKey(identity)}.${model}`;
}

/** Reads a profile's key back. Throws `invalid-data`. */
export function parseProfileKey(key: string): ProfileName {
  const end = key.lastIndexOf(".");
  const model = key.slice(end + 1);
  const identity = parseDeviceKey(key.slice(0, Math.max(0, end)));
  if (!isName(model)) throw new MpoError("invalid-data", `${JSON.stringify(key.slice(0, 200))} is no profile's key`);
  return { identity, model };
}

/** Names of the reports that a store holds of a device and model, and how many were stored ever: for checks. */
export async function storedReports(
  store: StateStore,
  name: ProfileName,
  options: ReadOptions = {},
): Promise<{ readonly reports: readonly string[]; readonly storedCount: number }> {
  const entry = await store.get(BUCKETS.profile, profileKey(name), options);
  if (entry === undefined) return { reports: [], storedCount: 0 };
  const { reports, storedCount } = profileFromBytes(entry.value).header;
  return { reports, storedCount };
}

/** Profiles: stored once a report, by one compare-and-set; the newest of each device and model. */
export class ProfileService {
  readonly #context: StoreContext;
  readonly #facts: WatchedMap<ProfileHeader>;
  /** Digests of chains by tenant and model digest: a device may leave out a chain that is known. */
  readonly #chainOf = new Map<string, string>();
  /** Keys of profiles that say something of their own, by device class and graph. */
  readonly #byClass = new Map<string, Set<string>>();
  /** Keys of profiles that devices measured themselves, by device class and model. */
  readonly #measured = new Map<string, Set<string>>();

  constructor(context: StoreContext) {
    this.#context = context;
    this.#facts = new WatchedMap(context, {
      bucket: BUCKETS.profile,
      read: ({ value }) => profileFromBytes(value).header,
      onChange: (key, now, before) => this.#index(key, now?.value, before?.value),
    });
  }

  get watches(): readonly Watching[] {
    return [this.#facts];
  }

  get size(): number {
    return this.#facts.size;
  }

  facts(name: ProfileName): Watched<ProfileHeader> | undefined {
    return this.#facts.get(profileKey(name));
  }

  /** All profiles, in no order. */
  *all(): Generator<{ readonly name: ProfileName } & Watched<ProfileHeader>, void, undefined> {
    for (const [key, watched] of this.#facts.entries()) yield { name: parseProfileKey(key), ...watched };
  }

  /** How many profiles `ofClass` gives. */
  countOfClass(tenant: string, deviceClass: string, graphDigest: string): number {
    return this.#byClass.get(classKey(tenant, deviceClass, graphDigest))?.size ?? 0;
  }

  /** Profiles of a model that devices of a class measured themselves, in no order. */
  *measuredOn(
    tenant: string,
    deviceClass: string,
    model: string,
  ): Generator<{ readonly name: ProfileName } & Watched<ProfileHeader>, void, undefined> {
    for (const key of this.#measured.get(classKey(tenant, deviceClass, model)) ?? []) {
      const watched = this.#facts.get(key);
      if (watched !== undefined) yield { name: parseProfileKey(key), ...watched };
    }
  }

  /**
   * Profiles of a model (its graph's digest) on a class of devices of one tenant; those alone that say something of their
   * own: what another device measured counts once. Takes time by their number.
   */
  ofClass(tenant: string, deviceClass: string, graphDigest: string): readonly ProfileName[] {
    const keys = this.#byClass.get(classKey(tenant, deviceClass, graphDigest)) ?? [];
    return [...keys].sort().map(parseProfileKey);
  }

  /** Stores a report. When this returns, it is stored, once. */
  async store(request: ReportProfileRequest, call: StoreCallOptions = {}): Promise<StoredReport> {
    const { identity, profile } = request;
    await this.#context.ownTurn?.();
    const sent = request.chain === undefined ? undefined : await this.keepChain(request.chain, call);
    const chain = sent ?? this.#chainOf.get(chainKey(identity.tenant, profile.model.graphDigest));
    const key = profileKey({ identity, model: profile.model.name });
    const nowMs = this.#context.clock.now();
    // A write whose answer was lost is found again as a duplicate, though its sender does not know that it is stored.
    let isOurs = false;
    const { result, revision } = await changeEntry(
      this.#context,
      { bucket: BUCKETS.profile, key, ...call },
      (current) => {
        const decision = withReport(current === undefined ? undefined : profileFromBytes(current.value), request, {
          chain,
          nowMs,
        });
        const isDuplicate = decision.isDuplicate && !isOurs;
        if (!decision.isDuplicate) isOurs = true;
        const result = { header: decision.record.header, isDuplicate };
        return decision.isChanged ? { value: profileToBytes(decision.record), result } : { result };
      },
    );
    this.#facts.note(key, result.header, revision);
    return { ...result, revision };
  }

  /** The newest profile, from the store. */
  async load(name: ProfileName, options: ReadOptions = {}): Promise<LoadedProfile | undefined> {
    const entry = await this.#context.store.get(BUCKETS.profile, profileKey(name), options);
    if (entry === undefined) return undefined;
    await this.#context.ownTurn?.();
    const record = profileFromBytes(entry.value);
    return { header: record.header, request: reportIn(record), revision: entry.revision };
  }

  /** A chain's bytes by its digest. Throws `not-found`. */
  async loadChain(digest: string, options: StoreCallOptions = {}): Promise<Uint8Array> {
    const entry = await this.#context.store.get(BUCKETS.chain, digest, options);
    if (entry === undefined || sha256(entry.value) !== digest) {
      throw new MpoError("not-found", `the store has no chain ${digest.slice(0, 12)}`, {
        hint: "Let a device with this model probe again: it sends the chain with its profile.",
      });
    }
    return entry.value;
  }

  /** Stores a chain, and returns its digest. */
  async keepChain(chain: Chain, call: StoreCallOptions): Promise<string> {
    const bytes = chainCodec.toBytes(chain);
    const digest = sha256(bytes);
    if ((await this.#context.store.get(BUCKETS.chain, digest, call)) !== undefined) return digest;
    try {
      await this.#context.store.create(BUCKETS.chain, digest, bytes, call);
    } catch (thrown) {
      // Another device has just sent the same one: the key is its digest.
      if (!isConflict(thrown)) throw thrown;
    }
    return digest;
  }

  #index(key: string, now: ProfileHeader | undefined, before: ProfileHeader | undefined): void {
    const { identity, model } = parseProfileKey(key);
    const { tenant } = identity;
    if (before !== undefined) {
      this.#byClass.get(classKey(tenant, before.deviceClass, before.graphDigest))?.delete(key);
      this.#measured.get(classKey(tenant, before.deviceClass, model))?.delete(key);
    }
    if (now === undefined) return;
    const isOwn = now.sharedFrom === undefined;
    if (isOwn) addTo(this.#measured, classKey(tenant, now.deviceClass, model), key);
    if (isOwn || now.curveCount > 0) addTo(this.#byClass, classKey(tenant, now.deviceClass, now.graphDigest), key);
    if (now.chain !== undefined) this.#chainOf.set(chainKey(tenant, now.graphDigest), now.chain);
  }
}

function addTo(index: Map<string, Set<string>>, place: string, key: string): void {
  index.set(place, (index.get(place) ?? new Set()).add(key));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function chainKey(tenant: string, graphDigest: string): string {
  return `${tenant} ${graphDigest}`;
}

function classKey(tenant: string, deviceClass: string, modelOrGraph: string): string {
  return `${tenant} ${deviceClass} ${modelOrGraph}`;
}
