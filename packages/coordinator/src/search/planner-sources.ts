import { MpoError, type Profile } from "@mpo/core";
import type { StoreCallOptions } from "@mpo/transport";
import type { PriorService } from "../priors/prior-service.ts";
import { type ProfileName, type ProfileService, profileKey } from "../profiles/profile-service.ts";
import type { PlannerSource } from "./planning.ts";
import { Recent } from "./recent.ts";

export interface MeasuredDevice {
  readonly source: PlannerSource;
  readonly profile: Profile;
  /** The report that brought the profile. */
  readonly measured: string;
}

/** What the planners of devices are made of, as the store has it now. */
export class PlannerSources {
  readonly #profiles: ProfileService;
  readonly #priors: PriorService;
  /** Bytes that threads share: they are not copied for each. */
  readonly #chains = new Recent<Uint8Array>(16);

  constructor(profiles: ProfileService, priors: PriorService) {
    this.#profiles = profiles;
    this.#priors = priors;
  }

  /** Throws `precondition-failed` when profile or chain are not there. */
  async load(name: ProfileName, options: StoreCallOptions): Promise<MeasuredDevice> {
    const found = await this.#profiles.load(name, options);
    if (found === undefined) throw missing(`device ${name.identity.device} has no profile of ${name.model}`);
    const { chain: chainDigest } = found.header;
    const { profile, report } = found.request;
    if (chainDigest === undefined) throw missing(`no device has sent the chain of ${name.model}`);
    const prior = this.#priors.prior({
      tenant: name.identity.tenant,
      deviceClass: profile.device.class,
      model: name.model,
      graphDigest: profile.model.graphDigest,
    });
    const key = `${profileKey(name)} ${found.revision} ${prior?.pooledAtMs ?? 0}`;
    const chain = await this.#chain(chainDigest, options);
    return {
      source: { key, profile, prior: prior && curvesAlone(prior.profile), chainDigest, chain },
      ...{ profile, measured: report },
    };
  }

  async #chain(digest: string, options: StoreCallOptions): Promise<Uint8Array> {
    const known = this.#chains.get(digest);
    if (known !== undefined) return known;
    const bytes = await this.#profiles.loadChain(digest, options);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    this.#chains.set(digest, shared);
    return shared;
  }
}

/** All that is read of what the fleet knows: the rest need not go from thread to thread. */
function curvesAlone(profile: Profile): Profile {
  return { ...profile, unitTimes: [], steps: [], updates: [] };
}

/** Something that a search needs is not there yet. */
export function missing(message: string): MpoError {
  return new MpoError("precondition-failed", message, { hint: "Wait until the device has probed and reported." });
}
