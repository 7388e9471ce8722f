import { type DeviceProgress, isTouched } from "@mpo/core";
import type { DocumentService } from "../documents/document-service.ts";
import type { Registry } from "../registry/registry.ts";
import type { LedDevices } from "./led-devices.ts";
import { changedBy } from "./rollout-facts.ts";

interface SettleSources {
  readonly registry: Pick<Registry, "device" | "devices">;
  readonly documents: Pick<DocumentService, "newest">;
}

/**
 * Takes in what others decided about devices: they have another name, are gone from the fleet, or were changed by somebody
 * else since. The result is those that the rollout leaves alone from now on. Takes time in proportion to all of them.
 */
export function settleDevices(
  { registry, documents }: SettleSources,
  devices: LedDevices,
  plan: string,
  nowMs: number,
): readonly DeviceProgress[] {
  const changed: DeviceProgress[] = [];
  let renamed: ReadonlyMap<string, string> | undefined;
  for (const progress of devices.all()) {
    const { device, state, given } = progress;
    if (state === "superseded" || state === "rolled-back") continue;
    const becomes = (message: string): void => {
      changed.push({ ...progress, state: "superseded", sinceMs: nowMs, message });
    };
    const identity = devices.identity(device);
    const record = registry.device(identity);
    if (record === undefined) {
      renamed ??= renamedDevices(registry, identity.tenant);
      const now = renamed.get(device);
      if (now === undefined) becomes("it was removed from the fleet");
      else devices.rename(device, now);
    } else if (record.retiredAtMs !== undefined) becomes("it was retired");
    else if (given !== undefined && isTouched(progress)) {
      const other = changedBy(documents.newest(identity), given, plan);
      if (other !== undefined) becomes(other);
    }
  }
  for (const device of changed) devices.set(device);
  return changed;
}

/** What devices are called now, by what they were called before. */
function renamedDevices(registry: Pick<Registry, "devices">, tenant: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { identity, formerNames = [] } of registry.devices())
    if (identity.tenant === tenant)
      for (const { device } of formerNames) if (!names.has(device)) names.set(device, identity.device);
  return names;
}
