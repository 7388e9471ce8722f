import type { DeviceFacts, RolloutFacts } from "./machine.ts";
import type { DeviceProgress } from "./rollout-state.ts";
import type { DisruptionSpec } from "./spec.ts";
import type { Quantity } from "./written-units.ts";

/** Devices of a group of some size that may be away from their work at once. */
export function mostUnavailable({ maxUnavailable, minAvailable }: DisruptionSpec, size: number): number {
  if (maxUnavailable !== undefined) return Math.floor(of(maxUnavailable, size));
  return minAvailable === undefined ? size : Math.floor(size - of(minAvailable, size));
}

function of(quantity: Quantity, size: number): number {
  const exact = "count" in quantity ? quantity.count : quantity.share * size;
  return Math.round(exact * 1e6) / 1e6;
}

/** Groups that a budget would never let a device of be changed, with their sizes. */
export function starvedGroups(
  disruption: DisruptionSpec,
  sizes: ReadonlyMap<string, number>,
): readonly (readonly [group: string, size: number])[] {
  return [...sizes].filter(([, size]) => mostUnavailable(disruption, size) < 1);
}

/** What the disruption budget leaves, while devices are given their turn. */
export class DisruptionRoom {
  readonly #disruption: DisruptionSpec | undefined;
  /** Devices that may still be changed, by group. */
  readonly #left = new Map<string, number>();

  constructor(disruption: DisruptionSpec | undefined, devices: readonly DeviceProgress[], facts: RolloutFacts) {
    this.#disruption = disruption;
    if (disruption === undefined) return;
    for (const [group, { size, unavailable }] of facts.groups()) {
      this.#left.set(group, mostUnavailable(disruption, size) - unavailable);
    }
    for (const { device, state } of devices) {
      if (state === "in-progress" || state === "rolling-back") this.take(facts.of(device));
    }
  }

  /** Whether a device may be changed now. One that does not serve well costs nothing: it is away already. */
  has({ group, servesWell }: DeviceFacts): boolean {
    return this.#disruption === undefined || !servesWell || (this.#left.get(group) ?? 0) >= 1;
  }

  take({ group, servesWell }: DeviceFacts): void {
    if (servesWell) this.#left.set(group, (this.#left.get(group) ?? 0) - 1);
  }
}
