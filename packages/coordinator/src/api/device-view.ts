import { given } from "@mpo/core";
import type { DeviceView } from "@mpo/protocol";
import { DeviceNow, type NowParts } from "../registry/device-now.ts";
import type { DeviceRecord } from "../registry/device-record.ts";

/** A device as people and programs are shown it: what it is, runs and needs. */
export function deviceView(parts: NowParts, device: DeviceRecord): DeviceView {
  const { identity, inventory, labels, models, retiredAtMs } = device;
  const { seen, isOnline, conditions, desired, reported } = new DeviceNow(parts, device);
  const { resources, lastSeenMs, doing } = seen;
  return {
    ...{ identity, inventory, resources, labels, models, lastSeenMs },
    presence: isOnline ? "online" : "offline",
    conditions,
    ...given({
      desiredVersion: desired?.version,
      desiredModel: desired?.model,
      reportedStatus: reported,
      retiredAtMs,
      doing: isOnline ? doing : undefined,
    }),
  };
}
