import { given } from "@mpo/core";
import type { DeviceView } from "@mpo/protocol";
import { conditionsOf } from "../registry/device-conditions.ts";
import { type DeviceRecord, neverSeen } from "../registry/device-record.ts";
import { isOnline } from "../registry/presence.ts";
import type { ApiParts } from "./fleet-parts.ts";

interface ViewParts extends Pick<ApiParts, "registry" | "documents" | "statuses" | "heartbeatSeconds"> {
  /** The time by which devices count as there or away. */
  readonly presenceMs: () => number;
}

/** A device as people and programs are shown it: what it is, runs and needs. */
export function deviceView(parts: ViewParts, device: DeviceRecord): DeviceView {
  const { registry, documents, statuses, presenceMs, heartbeatSeconds } = parts;
  const { identity, inventory, labels, models, enrolledAtMs, retiredAtMs } = device;
  const { resources, lastSeenMs, doing } = registry.seen(identity) ?? neverSeen(enrolledAtMs);
  const nowMs = presenceMs();
  const desired = documents.newest(identity);
  const hasCalled = isOnline(lastSeenMs, nowMs, heartbeatSeconds());
  return {
    ...{ identity, inventory, resources, labels, models, lastSeenMs },
    presence: hasCalled ? "online" : "offline",
    conditions: conditionsOf(parts, device, { nowMs, isOnline: hasCalled }),
    ...given({
      desiredVersion: desired?.version,
      desiredModel: desired?.model,
      reportedStatus: statuses.newest(identity),
      retiredAtMs,
      doing: hasCalled ? doing : undefined,
    }),
  };
}
