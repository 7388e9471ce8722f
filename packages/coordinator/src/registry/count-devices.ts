import type { DeviceCounts } from "../http/metrics.ts";
import { DeviceNow, type NowParts } from "./device-now.ts";
import { hasArrived } from "./pending-document.ts";
import type { Registry } from "./registry.ts";

interface CountParts extends NowParts {
  readonly registry: Pick<Registry, "devices" | "seen">;
}

/** How many devices are there, away, and there without their newest document. Takes time in proportion to the fleet. */
export function countDevices(parts: CountParts): DeviceCounts {
  const conditions = new Map<string, number>();
  const counts = { online: 0, offline: 0, behind: 0 };
  for (const device of parts.registry.devices()) {
    const now = new DeviceNow(parts, device);
    counts[now.isOnline ? "online" : "offline"] += 1;
    for (const code of new Set(now.conditions.map((one) => one.code)))
      conditions.set(code, (conditions.get(code) ?? 0) + 1);
    const said = { applied: now.seen.appliedVersion, reported: now.reported };
    if (now.isOnline && now.desired !== undefined && !hasArrived(now.desired.version, said)) counts.behind += 1;
  }
  return { ...counts, conditions };
}
