import { given } from "@mpo/core";
import { type DeviceView, MAX_CONDITIONS } from "@mpo/protocol";
import type { DocumentService } from "../documents/document-service.ts";
import { type DeviceRecord, neverSeen } from "../registry/device-record.ts";
import { doubledCondition } from "../registry/instances.ts";
import { isOnline } from "../registry/presence.ts";
import type { Registry } from "../registry/registry.ts";
import type { StatusService } from "../registry/status-service.ts";

interface ViewParts {
  readonly registry: Registry;
  readonly documents: DocumentService;
  readonly statuses: StatusService;
  /** The time by which devices count as there or away. */
  readonly presenceMs: () => number;
  readonly heartbeatSeconds: () => number;
}

/** A device as people and programs are shown it: what it is, runs and needs. */
export function deviceView(
  { registry, documents, statuses, presenceMs, heartbeatSeconds }: ViewParts,
  { identity, inventory, labels, models, enrolledAtMs, retiredAtMs, instances }: DeviceRecord,
): DeviceView {
  const { resources, lastSeenMs, conditions = [], doing } = registry.seen(identity) ?? neverSeen(enrolledAtMs);
  const presence = isOnline(lastSeenMs, presenceMs(), heartbeatSeconds()) ? "online" : "offline";
  return {
    ...{ identity, inventory, resources, labels, models, lastSeenMs, presence },
    conditions: [...doubledCondition(instances, presenceMs()), ...conditions].slice(0, MAX_CONDITIONS),
    ...given({
      desiredVersion: documents.version(identity),
      reportedStatus: statuses.newest(identity),
      retiredAtMs,
      doing: presence === "online" ? doing : undefined,
    }),
  };
}
