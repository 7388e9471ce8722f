import type { DeviceCounts } from "../http/metrics.ts";
import { conditionsOf, type ReportSources } from "./device-conditions.ts";
import { hasArrived } from "./pending-document.ts";
import { isOnline } from "./presence.ts";
import type { Registry } from "./registry.ts";

export interface CountParts extends ReportSources {
  readonly registry: Pick<Registry, "devices" | "seen">;
  readonly nowMs: number;
  readonly heartbeatSeconds: number;
}

/** How many devices are there, away, and there without their newest document. Takes time in proportion to the fleet. */
export function countDevices({ nowMs, heartbeatSeconds, ...parts }: CountParts): DeviceCounts {
  const { registry, documents, statuses } = parts;
  const conditions = new Map<string, number>();
  const counts = { online: 0, offline: 0, behind: 0 };
  for (const device of registry.devices()) {
    const { identity, enrolledAtMs } = device;
    const seen = registry.seen(identity);
    const hasCalled = isOnline(seen?.lastSeenMs ?? enrolledAtMs, nowMs, heartbeatSeconds);
    counts[hasCalled ? "online" : "offline"] += 1;
    const found = conditionsOf(parts, device, { nowMs, isOnline: hasCalled });
    for (const code of new Set(found.map((one) => one.code))) conditions.set(code, (conditions.get(code) ?? 0) + 1);
    const desired = documents.newest(identity)?.version;
    const said = { applied: seen?.appliedVersion, reported: statuses.newest(identity) };
    if (hasCalled && desired !== undefined && !hasArrived(desired, said)) counts.behind += 1;
  }
  return { ...counts, conditions };
}
