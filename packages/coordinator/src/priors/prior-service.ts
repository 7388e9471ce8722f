import { fact, type Profile, type RetrainConfig } from "@mpo/core";
import { priorKey, profileCodec } from "@mpo/protocol";
import { BUCKETS, type StoreCallOptions } from "@mpo/transport";
import type { ProfileService } from "../profiles/profile-service.ts";
import type { StoreContext } from "../store/change-entry.ts";
import { packed, packedBytes, recordForm, unpacked } from "../store/records.ts";
import { WatchedMap, type Watching } from "../store/watched-map.ts";
import { DEFAULT_QUORUM, type PooledProfile, poolProfiles } from "./pool-profiles.ts";

/** Whose devices of which class, and which model. */
export interface PriorName {
  readonly tenant: string;
  readonly deviceClass: string;
  readonly model: string;
  /** Of the model's graph. */
  readonly graphDigest: string;
}

export interface Prior extends PooledProfile {
  readonly pooledAtMs: number;
}

export interface PriorOptions {
  /** Default 5. */
  readonly quorum?: number;
  /** A prior of the most votes is pooled again after this long. Default an hour. */
  readonly maxAgeMs?: number;
}

const { object, timestampMs, whole } = fact;
const form = recordForm("prior", object({ votes: whole(1), pooledAtMs: timestampMs(), profile: packedBytes }));
/** Profiles that are pooled at most. */
const MAX_VOTES = 33;

/** What the fleet knows of a model on a class of devices, pooled so that no single device can turn it. */
export class PriorService {
  readonly #context: StoreContext;
  readonly #profiles: ProfileService;
  readonly #priors: WatchedMap<Prior>;
  readonly #quorum: number;
  readonly #maxAgeMs: number;

  constructor(context: StoreContext, profiles: ProfileService, options: PriorOptions = {}) {
    this.#context = context;
    this.#profiles = profiles;
    this.#quorum = options.quorum ?? DEFAULT_QUORUM;
    this.#maxAgeMs = options.maxAgeMs ?? 3_600_000;
    this.#priors = new WatchedMap(context, {
      bucket: BUCKETS.prior,
      read: ({ value }) => priorFromBytes(value),
    });
  }

  get watches(): readonly Watching[] {
    return [this.#priors];
  }

  /** The prior; undefined: too few devices have measured, or they measured another version of the model. */
  prior(name: PriorName): Prior | undefined {
    const prior = this.#priors.get(keyOf(name))?.value;
    return prior?.profile.model.graphDigest === name.graphDigest ? prior : undefined;
  }

  /** Configurations that most devices of a class have measured: what a new one measures first, to be comparable. */
  suggested(name: Omit<PriorName, "graphDigest">): readonly RetrainConfig[] {
    return this.#priors.get(keyOf(name))?.value.profile.steps.map(({ config }) => config) ?? [];
  }

  /** Pools again if there are votes that the prior does not have. Safe to do twice, by several coordinators at once. */
  async refresh(name: PriorName, call: StoreCallOptions = {}): Promise<void> {
    const { tenant, deviceClass, graphDigest } = name;
    // Every search asks; a list of all devices of a class is made only when there is something to pool.
    const count = this.#profiles.countOfClass(tenant, deviceClass, graphDigest);
    const known = this.prior(name);
    const nowMs = this.#context.clock.now();
    const isFresh = known !== undefined && nowMs - known.pooledAtMs < this.#maxAgeMs;
    const possible = Math.min(count, MAX_VOTES);
    // Each further vote moves a median less: pool again when there are a quarter more.
    if (count < this.#quorum || (isFresh && possible < 1.25 * known.votes)) return;
    const voters = this.#profiles.ofClass(tenant, deviceClass, graphDigest);
    const profiles: Profile[] = [];
    for (const voter of spread(voters, MAX_VOTES)) {
      const found = await this.#profiles.load(voter, call);
      // Devices of one name in two tenants are two devices, but a tenant pools only its own.
      if (found !== undefined) profiles.push(found.request.profile);
    }
    const pooled = poolProfiles(profiles, this.#quorum);
    if (pooled === undefined) return;
    const prior: Prior = { ...pooled, pooledAtMs: nowMs };
    const key = keyOf(name);
    const revision = await this.#context.store.put(BUCKETS.prior, key, priorToBytes(prior), call);
    this.#priors.note(key, prior, revision);
    this.#context.logger.info("pooled the profiles of a class", { ...name, votes: prior.votes });
  }
}

/** At most `count` items, evenly over the list. */
function spread<Item>(items: readonly Item[], count: number): readonly Item[] {
  if (items.length <= count) return items;
  return Array.from({ length: count }, (_, index) => items[Math.floor((index * items.length) / count)] as Item);
}

function keyOf({ tenant, deviceClass, model }: Omit<PriorName, "graphDigest">): string {
  return `${tenant}.${priorKey(deviceClass, model)}`;
}

function priorToBytes({ profile, ...rest }: Prior): Uint8Array {
  return form.toBytes({ ...rest, profile: packed(profileCodec.toBytes(profile)) });
}

function priorFromBytes(bytes: Uint8Array): Prior {
  const { profile, ...rest } = form.fromBytes(bytes);
  return { ...rest, profile: profileCodec.fromBytes(unpacked(profile)) };
}
