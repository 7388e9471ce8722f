import { given } from "@mpo/core";
import type { DeviceView } from "@mpo/protocol";
import type { Command } from "commander";
import { repeated } from "../options/address-options.ts";
import { type FleetOptions, fleetName, labelOf } from "../options/fleet-options.ts";
import { durationInMs } from "../options/parsers.ts";
import { type AdminSession, pagesOf } from "./with-admin.ts";

export interface DeviceFilter extends FleetOptions {
  readonly label?: readonly { readonly name: string; readonly value: string }[];
  readonly class?: string;
  /** Milliseconds. */
  readonly offlineFor?: number;
  readonly retired?: boolean;
}

/** A device, and the coordinator's clock when it said so: ages are counted by it. */
export interface SelectedDevice {
  readonly device: DeviceView;
  readonly nowMs: number;
}

/** Adds the options that choose devices. */
export function addDeviceFilter(command: Command): Command {
  return command
    .option("--label <name=value>", "only those with this label; may be repeated (default: all)", repeated(labelOf))
    .option("--class <name>", "only those of this class (default: all)", fleetName)
    .option("--offline-for <duration>", "only those last seen so long ago, such as 30d (default: all)", durationInMs);
}

/** Whether it asks for anything less than the fleet. */
export function isFilter({ label, class: deviceClass, offlineFor, retired }: DeviceFilter): boolean {
  return label !== undefined || deviceClass !== undefined || offlineFor !== undefined || retired === true;
}

/** The devices that a filter chooses, sorted by name, as the pages come in. */
export async function* selectDevices(
  { tenant, label: labels = [], class: deviceClass, offlineFor, retired: isRetired }: DeviceFilter,
  { admin, call }: AdminSession,
): AsyncGenerator<SelectedDevice, void, undefined> {
  const filter = { tenant, labels, ...given({ deviceClass, isRetired }) };
  for await (const { devices, serverTimeMs: nowMs } of pagesOf((page) =>
    admin.listDevices({ ...filter, ...page }, call),
  )) {
    for (const device of devices) {
      const isGone = device.presence === "offline" && nowMs - device.lastSeenMs >= (offlineFor ?? 0);
      if (offlineFor === undefined || isGone) yield { device, nowMs };
    }
  }
}
