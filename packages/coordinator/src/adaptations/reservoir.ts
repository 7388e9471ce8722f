import { type DriftSignature, MpoError, nearestBySignature } from "@mpo/core";
import type { DeviceIdentity, ReportAdaptationRequest, WindowResult } from "@mpo/protocol";
import { BUCKETS, type StoreCallOptions } from "@mpo/transport";
import { changeEntry, isConflict, type StoreContext } from "../store/change-entry.ts";
import { WatchedMap, type Watching } from "../store/watched-map.ts";
import {
  adaptationFromBytes,
  adaptationKey,
  adaptationToBytes,
  type KeptAdaptation,
  keptOf,
  withTrial,
} from "./adaptation-record.ts";
import { bytesOf, isOffered, leastUseful, MOST_BYTES, modelOf } from "./usefulness.ts";

/** Whose drifts: devices of one tenant with one model, as it was deployed. */
interface DriftsOf extends Pick<KeptAdaptation, "model" | "manifestDigest"> {
  readonly tenant: string;
}

/** What devices have learned of drifts and share, the most useful of it; by drift signature. */
export class AdaptationReservoir {
  readonly #context: StoreContext;
  readonly #isMember: (identity: DeviceIdentity) => boolean;
  readonly #kept: WatchedMap<KeptAdaptation>;

  /** `isMember`: what devices have learned that are out of the fleet is given to none. */
  constructor(context: StoreContext, isMember: (identity: DeviceIdentity) => boolean) {
    this.#context = context;
    this.#isMember = isMember;
    this.#kept = new WatchedMap(context, {
      bucket: BUCKETS.adaptation,
      read: ({ key, value }) => adaptationFromBytes(key, value).kept,
    });
  }

  get watches(): readonly Watching[] {
    return [this.#kept];
  }

  /** All of a tenant, or of one of its models, in no order. */
  list(tenant: string, model?: string): readonly KeptAdaptation[] {
    return this.#ofTenant(tenant).filter((one) => this.#isIn(one) && (model === undefined || one.model === model));
  }

  /** One by its name. Throws `not-found`. */
  required(tenant: string, id: string): KeptAdaptation {
    const kept = this.#kept.get(adaptationKey({ tenant, id }))?.value;
    if (kept !== undefined && this.#isIn(kept)) return kept;
    throw new MpoError("not-found", `tenant ${tenant} has no adaptation ${id}`, {
      hint: "mpo models adaptations lists what devices have learned and share.",
    });
  }

  /** The one of the nearest drift; undefined: none is near enough. */
  nearest(of: DriftsOf, signature: DriftSignature): KeptAdaptation | undefined {
    const all = this.list(of.tenant, of.model).filter((one) => modelOf(one) === modelOf(of) && isOffered(one));
    return nearestBySignature(signature, all)?.item;
  }

  /** Its parameters. Throws `not-found` when it was removed meanwhile. */
  async parameters(kept: KeptAdaptation, options: StoreCallOptions): Promise<Uint8Array> {
    const key = adaptationKey(kept);
    const entry = await this.#context.store.get(BUCKETS.adaptation, key, options);
    if (entry === undefined) throw new MpoError("not-found", `adaptation ${kept.id} was removed`);
    return adaptationFromBytes(key, entry.value).parameters;
  }

  /** Stores what a device has learned, and removes what is of less use. `isKept`: others are not all of more. */
  async store(
    request: ReportAdaptationRequest,
    options: StoreCallOptions,
  ): Promise<{ readonly kept: KeptAdaptation; readonly isDuplicate: boolean; readonly isKept: boolean }> {
    const { clock, store } = this.#context;
    const kept = keptOf(request, clock.now());
    const key = adaptationKey(kept);
    if (this.#kept.get(key) !== undefined) return { kept, isDuplicate: true, isKept: true };
    await this.#removeStrangers(kept.tenant, options);
    const others = [...this.#kept.entries()].map(([, { value }]) => value).filter((one) => one.tenant !== kept.tenant);
    const gone = leastUseful([...this.list(kept.tenant), kept], clock.now(), MOST_BYTES - bytesOf(others));
    const isBetter = kept.accuracyAfter > kept.accuracyBefore;
    if (!isBetter || gone.includes(kept)) return { kept, isDuplicate: false, isKept: false };
    try {
      const bytes = adaptationToBytes(kept, request.adaptation.parameters);
      const revision = await store.create(BUCKETS.adaptation, key, bytes, options);
      this.#kept.note(key, kept, revision);
    } catch (thrown) {
      if (!isConflict(thrown)) throw thrown;
      return { kept, isDuplicate: true, isKept: true };
    }
    for (const one of gone) await this.remove(one, options);
    return { kept, isDuplicate: false, isKept: true };
  }

  /** Notes what became of what a window was given to start from. Returns it where it is no longer offered since. */
  async tried(
    { tenant, device }: DeviceIdentity,
    { start, outcome }: Pick<WindowResult, "start" | "outcome">,
    options: StoreCallOptions,
  ): Promise<KeptAdaptation | undefined> {
    // Windows that were ended from outside say nothing of it; of its own a device is no judge.
    const isOver = outcome === "replaced" || outcome === "kept-old";
    if (start === undefined || !isOver || start.device === device) return undefined;
    const key = adaptationKey({ tenant, id: start.adaptation });
    if (this.#kept.get(key) === undefined) return undefined;
    const { result } = await changeEntry(this.#context, { bucket: BUCKETS.adaptation, key, ...options }, (current) => {
      if (current === undefined) return { result: undefined };
      const { kept, parameters } = adaptationFromBytes(key, current.value);
      const next = withTrial(kept, device, start.isTaken && outcome === "replaced");
      const isWithdrawn = isOffered(kept) && !isOffered(next);
      return { value: adaptationToBytes(next, parameters), result: isWithdrawn ? next : undefined };
    });
    return result;
  }

  async remove(kept: KeptAdaptation, options: StoreCallOptions): Promise<void> {
    const key = adaptationKey(kept);
    await this.#context.store.delete(BUCKETS.adaptation, key, options);
    this.#kept.forget(key);
  }

  /** Removes what a device has learned that is out of the fleet. */
  async removeOf({ tenant, device }: DeviceIdentity, options: StoreCallOptions): Promise<void> {
    for (const one of this.#ofTenant(tenant)) if (one.device === device) await this.remove(one, options);
  }

  /** Removes what such devices have learned and another coordinator has left; it is given to none before that. */
  async #removeStrangers(tenant: string, options: StoreCallOptions): Promise<void> {
    for (const one of this.#ofTenant(tenant)) if (!this.#isIn(one)) await this.remove(one, options);
  }

  #ofTenant(tenant: string): readonly KeptAdaptation[] {
    return [...this.#kept.entries()].map(([, { value }]) => value).filter((one) => one.tenant === tenant);
  }

  #isIn({ tenant, device }: KeptAdaptation): boolean {
    return this.#isMember({ tenant, device });
  }
}
