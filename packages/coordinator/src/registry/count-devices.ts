import type { DocumentService } from "../documents/document-service.ts";
import type { DeviceCounts } from "../http/metrics.ts";
import { doubledCondition } from "./instances.ts";
import { hasArrived } from "./pending-document.ts";
import { isOnline } from "./presence.ts";
import type { Registry } from "./registry.ts";
import type { StatusService } from "./status-service.ts";

/** What is counted, and when. */
export interface CountParts {
  readonly registry: Pick<Registry, "devices" | "seen">;
  readonly documents: Pick<DocumentService, "version">;
  readonly statuses: Pick<StatusService, "newest">;
  readonly nowMs: number;
  readonly heartbeatSeconds: number;
}

/** How many devices are there, away, and there without their newest document. Takes time in proportion to the fleet. */
export function countDevices({ registry, documents, statuses, nowMs, heartbeatSeconds }: CountParts): DeviceCounts {
  const conditions = new Map<string, number>();
  let [online, offline, behind] = [0, 0, 0];
  for (const { identity, enrolledAtMs, instances } of registry.devices()) {
    const seen = registry.seen(identity);
    if (!isOnline(seen?.lastSeenMs ?? enrolledAtMs, nowMs, heartbeatSeconds)) {
      offline += 1;
      continue;
    }
    online += 1;
    const codes = new Set([...doubledCondition(instances, nowMs), ...(seen?.conditions ?? [])].map(({ code }) => code));
    for (const code of codes) conditions.set(code, (conditions.get(code) ?? 0) + 1);
    const desired = documents.version(identity);
    if (desired === undefined) continue;
    if (!hasArrived(desired, { applied: seen?.appliedVersion, told: statuses.newest(identity) })) behind += 1;
  }
  return { online, offline, behind, conditions };
}
