import { given, MpoError, NOT_ON_A_LINE, parseFilter, quoted } from "@mpo/core";
import type { DeviceView } from "@mpo/protocol";
import type { Command } from "commander";
import { repeated } from "../options/address-options.ts";
import { type FleetOptions, fleetName, labelOf } from "../options/fleet-options.ts";
import { durationInMs, type OptionParser } from "../options/parsers.ts";
import { type AdminSession, pagesOf } from "./with-admin.ts";

export interface DeviceFilter extends FleetOptions {
  readonly where?: string;
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

/** A filter's text, on one line. What is wrong with it is said before anybody is asked; groups are the coordinator's. */
export const filterText: OptionParser<string> = (text) => {
  parseFilter(text);
  return text.split(NOT_ON_A_LINE).join(" ").trim();
};

/** Adds the options that choose devices. */
export function addDeviceFilter(command: Command): Command {
  return command
    .option("--where <filter>", "only those that a filter chooses, such as 'memory < 2GiB' (default: all)", filterText)
    .option("--label <name=value>", "only those with this label; may be repeated (default: all)", repeated(labelOf))
    .option("--class <name>", "only those of this class (default: all)", fleetName)
    .option("--offline-for <duration>", "only those last seen so long ago, such as 30d (default: all)", durationInMs);
}

/** The options as one filter; undefined: they ask for the whole fleet. */
export function whereOf(options: Omit<DeviceFilter, keyof FleetOptions>): string | undefined {
  const { where, label = [], class: deviceClass, offlineFor, retired } = options;
  const parts = [
    ...label.map(({ name, value }) => `label.${name} = ${quoted(value)}`),
    ...(deviceClass === undefined ? [] : [`class = ${quoted(deviceClass)}`]),
    ...(offlineFor === undefined ? [] : [`state != online and lastSeen >= ${offlineFor}ms`]),
    ...(retired === true ? ["state = retired"] : []),
  ];
  if (where === undefined) return parts.length === 0 ? undefined : parts.join(" and ");
  return parts.length === 0 ? where : [`(${where})`, ...parts].join(" and ");
}

/** The devices that a filter chooses, sorted by name, as the pages come in. */
export async function* selectDevices(
  { tenant, ...options }: DeviceFilter,
  { admin, call }: AdminSession,
): AsyncGenerator<SelectedDevice, void, undefined> {
  const filter = { tenant, ...given({ where: whereOf(options) }) };
  for await (const { devices, serverTimeMs: nowMs } of pagesOf((page) =>
    admin.listDevices({ ...filter, ...page }, call),
  )) {
    for (const device of devices) yield { device, nowMs };
  }
}

/** Names of the device that was named, or of those that a filter chooses: one of the two must be there. */
export async function chosenNames(
  device: string | undefined,
  options: DeviceFilter,
  session: AdminSession,
): Promise<readonly string[]> {
  if ((device === undefined) === (whereOf(options) === undefined)) throw eitherError();
  if (device !== undefined) return [device];
  const names: string[] = [];
  for await (const { device: one } of selectDevices(options, session)) names.push(one.identity.device);
  return names;
}

function eitherError(): MpoError {
  return new MpoError("invalid-argument", "expected either the name of a device or a filter", {
    hint: "Filters are --where, --label, --class and --offline-for.",
  });
}
