import type { DeviceProgress } from "@mpo/core";
import { forEachBounded } from "@mpo/io";
import type { DeviceIdentity } from "@mpo/protocol";
import type { StoreCallOptions } from "@mpo/transport";
import type { FreshPart } from "./plan-parts.ts";
import { AT_ONCE, type PlanName, type RolloutStore, type StoredProgress } from "./rollout-store.ts";

interface LedPart {
  readonly devices: DeviceProgress[];
  revision: number;
}

/** Where a device's plan is. */
export interface Place {
  readonly part: number;
  readonly at: number;
}

/** The devices of a rollout that this coordinator leads, part by part; what has changed is written with the next step. */
export class LedDevices {
  readonly #store: RolloutStore;
  readonly #plan: PlanName;
  readonly #parts: LedPart[];
  readonly #places = new Map<string, Place>();
  readonly #identities = new Map<string, DeviceIdentity>();
  readonly #changed = new Set<number>();

  constructor(store: RolloutStore, plan: PlanName, parts: readonly StoredProgress[]) {
    this.#store = store;
    this.#plan = plan;
    this.#parts = parts.map(({ devices, revision }) => ({ devices: [...devices], revision }));
    for (const part of this.#parts.keys()) this.#index(part);
  }

  get partCount(): number {
    return this.#parts.length;
  }

  /** Whether something is not stored yet. */
  get hasChanged(): boolean {
    return this.#changed.size > 0;
  }

  /** In the order of their turn. */
  all(): readonly DeviceProgress[] {
    return this.#parts.flatMap(({ devices }) => devices);
  }

  has(device: string): boolean {
    return this.#places.has(device);
  }

  get(device: string): DeviceProgress | undefined {
    const place = this.#places.get(device);
    return place === undefined ? undefined : this.#parts[place.part]?.devices[place.at];
  }

  placeOf(device: string): Place | undefined {
    return this.#places.get(device);
  }

  /** The same object for the same device: its key is found once. */
  identity(device: string): DeviceIdentity {
    const known = this.#identities.get(device);
    if (known !== undefined) return known;
    const identity = { tenant: this.#plan.tenant, device };
    this.#identities.set(device, identity);
    return identity;
  }

  set(progress: DeviceProgress): void {
    const place = this.#places.get(progress.device);
    if (place !== undefined) this.#put(place, progress);
  }

  /** A device goes on under another name. */
  rename(device: string, name: string): void {
    const place = this.#places.get(device);
    const progress = this.get(device);
    if (place === undefined || progress === undefined || this.#places.has(name)) return;
    this.#places.delete(device);
    this.#places.set(name, place);
    this.#put(place, { ...progress, device: name });
  }

  /** Adds a part that the rollout's record does not count yet. */
  async add({ part, progress }: FreshPart, options: StoreCallOptions): Promise<void> {
    const index = this.#parts.length;
    const revision = await this.#store.addPart(this.#plan, index, part, progress, options);
    this.#parts.push({ devices: [...progress], revision });
    this.#index(index);
  }

  /** Stores what has changed. The result is whether anything had. Throws `conflict` when somebody else has. */
  async write(options: StoreCallOptions): Promise<boolean> {
    const changed = [...this.#changed];
    await forEachBounded(changed.length, AT_ONCE, async (turn) => {
      const index = changed[turn] as number;
      const part = this.#parts[index] as LedPart;
      part.revision = await this.#store.putProgress(this.#plan, index, part, options);
      this.#changed.delete(index);
    });
    return changed.length > 0;
  }

  #put(place: Place, progress: DeviceProgress): void {
    (this.#parts[place.part] as LedPart).devices[place.at] = progress;
    this.#changed.add(place.part);
  }

  #index(part: number): void {
    const { devices } = this.#parts[part] as LedPart;
    for (const [at, { device }] of devices.entries()) this.#places.set(device, { part, at });
  }
}
