import { type Chain, MpoError, type Planner, type Profile, plannerOf } from "@mpo/core";
import type { StoreCallOptions } from "@mpo/transport";
import type { PriorService } from "../priors/prior-service.ts";
import { type ProfileName, type ProfileService, profileKey } from "../profiles/profile-service.ts";
import { Recent } from "./recent.ts";

export interface DevicePlanner {
  readonly planner: Planner;
  readonly profile: Profile;
  /** The report that brought the profile. */
  readonly measured: string;
}

/** Planners of devices, kept while their profiles are the newest. */
export class DevicePlanners {
  readonly #profiles: ProfileService;
  readonly #priors: PriorService;
  readonly #planners = new Recent<Planner>(16);
  /** Planners of one chain share what they plan: they must be given the same object. */
  readonly #chains = new Recent<Chain>(16);

  constructor(profiles: ProfileService, priors: PriorService) {
    this.#profiles = profiles;
    this.#priors = priors;
  }

  /** Throws `precondition-failed` when profile or chain are not there. */
  async load(name: ProfileName, options: StoreCallOptions): Promise<DevicePlanner> {
    const found = await this.#profiles.load(name, options);
    if (found === undefined) throw missing(`device ${name.identity.device} has no profile of ${name.model}`);
    const { chain: digest } = found.header;
    const { profile, report } = found.request;
    if (digest === undefined) throw missing(`no device has sent the chain of ${name.model}`);
    const prior = this.#priors.prior({
      tenant: name.identity.tenant,
      deviceClass: profile.device.class,
      model: name.model,
      graphDigest: profile.model.graphDigest,
    });
    const key = `${profileKey(name)} ${found.revision} ${prior?.pooledAtMs ?? 0}`;
    const known = this.#planners.get(key);
    if (known !== undefined) return { planner: known, profile, measured: report };
    const chain = await this.#chain(digest, options);
    if (chain.units.length !== profile.model.unitCount) {
      throw new MpoError(
        "invalid-data",
        `the chain of ${name.model} has ${chain.units.length} units, its profile ${profile.model.unitCount}`,
        { hint: "Let the device probe again: it sends both." },
      );
    }
    const planner = plannerOf(profile, chain, prior === undefined ? {} : { priors: prior.profile.accuracy });
    this.#planners.set(key, planner);
    return { planner, profile, measured: report };
  }

  async #chain(digest: string, options: StoreCallOptions): Promise<Chain> {
    const known = this.#chains.get(digest);
    if (known !== undefined) return known;
    const chain = await this.#profiles.loadChain(digest, options);
    this.#chains.set(digest, chain);
    return chain;
  }
}

/** Something that a search needs is not there yet. */
export function missing(message: string): MpoError {
  return new MpoError("precondition-failed", message, { hint: "Wait until the device has probed and reported." });
}
