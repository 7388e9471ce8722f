import type { GroupFacts, RolloutSpec } from "@mpo/core";
import { DeviceNow, type NowParts } from "../registry/device-now.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { Registry } from "../registry/registry.ts";

export interface FleetParts extends NowParts {
  readonly registry: Pick<Registry, "device" | "devices" | "seen">;
}

type Disruption = NonNullable<RolloutSpec["disruption"]>;

/** What a person should look at before a device counts as one that serves well. */
const UNWELL: ReadonlySet<string> = new Set(["unreadable", "not-writable", "inputs-silent", "throttled", "doubled"]);

/** What keeps a device from doing what it was given. */
const HOLDS_UP: ReadonlySet<string> = new Set(["probe-waits", "model-pending", "document-refused", "clock-wrong"]);

/** A device's value of the label that a disruption budget counts by; empty without one. */
export function groupOf(disruption: Disruption | undefined, { labels }: Pick<DeviceRecord, "labels">): string {
  if (disruption?.by === undefined) return "";
  return labels.find(({ name }) => name === disruption.by)?.value ?? "";
}

/** How devices are doing now. */
export class Fleet {
  readonly #parts: FleetParts;

  constructor(parts: FleetParts) {
    this.#parts = parts;
  }

  isOnline(device: DeviceRecord): boolean {
    return new DeviceNow(this.#parts, device).isOnline;
  }

  /** Whether nothing is known that keeps it from its work. */
  servesWell(device: DeviceRecord): boolean {
    const now = new DeviceNow(this.#parts, device);
    return now.isOnline && device.models.length > 0 && !now.conditions.some(({ code }) => UNWELL.has(code));
  }

  /** What a person should look at before a device does what it was given, in words; undefined: nothing is known. */
  troubleOf(device: DeviceRecord): string | undefined {
    const { conditions } = new DeviceNow(this.#parts, device);
    return conditions.find(({ code }) => UNWELL.has(code) || HOLDS_UP.has(code))?.message;
  }

  /** All devices of a tenant, by what a disruption budget counts by. */
  groups(tenant: string, disruption: Disruption): ReadonlyMap<string, GroupFacts> {
    const groups = new Map<string, { size: number; unavailable: number }>();
    for (const device of this.#parts.registry.devices()) {
      if (device.identity.tenant !== tenant) continue;
      const group = groupOf(disruption, device);
      const known = groups.get(group) ?? { size: 0, unavailable: 0 };
      known.size += 1;
      if (!this.servesWell(device)) known.unavailable += 1;
      groups.set(group, known);
    }
    return groups;
  }
}
