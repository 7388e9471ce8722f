import { given } from "@mpo/core";
import type { Command } from "commander";
import type { Asking, CommandContext } from "../command-context.ts";
import { addFleetCommand, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { addDeviceFilter, chosenNames, type DeviceFilter } from "./select-devices.ts";
import { withAdmin } from "./with-admin.ts";

interface ProbeOptions extends FleetOptions {
  readonly model?: string;
}

/** `mpo devices refresh` and `probe`. */
export function defineAsking(devices: Command, context: CommandContext): void {
  const refresh = devices
    .command("refresh")
    .description("ask devices to report again what they have, run and measured");
  addDeviceFilter(addFleetCommand(refresh, REFRESH))
    .argument("[device]", "its name", fleetName)
    .action((device: string | undefined, options: DeviceFilter) => refreshDevices(device, options, context));
  const probe = devices.command("probe").description("ask a device to measure its models again");
  addFleetCommand(probe, "\nExample:\n  mpo devices probe pi-7 --model cam\n")
    .argument("<device>", "its name", fleetName)
    .option("--model <name>", "only this model; default: all that it serves", fleetName)
    .action((device: string, options: ProbeOptions) => probeDevice(device, options, context));
}

const REFRESH = `
Examples:
  mpo devices refresh pi-7
  mpo devices refresh --where 'class = pi-4 and needs has report-pending'
`;

/** Asks one device, or all that a filter chooses, to report again. */
async function refreshDevices(device: string | undefined, options: DeviceFilter, context: Asking): Promise<void> {
  const { terminal } = context;
  const { tenant } = options;
  const names = await withAdmin(options, context, async (session) => {
    const chosen = await chosenNames(device, options, session);
    for (const name of chosen) {
      await session.admin.refreshDevice({ identity: { tenant, device: name } }, session.call);
    }
    return chosen;
  });
  for (const name of names) terminal.record({ event: "refresh-asked", device: name });
  terminal.line(`asked ${names.join(", ") || "no device"}; the reports come with the next heartbeat`);
}

/** Asks a device to measure again. */
async function probeDevice(device: string, options: ProbeOptions, context: Asking): Promise<void> {
  const { tenant, model } = options;
  const { models } = await withAdmin(options, context, ({ admin, call }) =>
    admin.probeDevice({ identity: { tenant, device }, ...given({ model }) }, call),
  );
  context.terminal.record({ event: "probe-asked", device, models });
  context.terminal.line(`asked ${device} to probe ${models.join(", ")}; it begins when the device is idle`);
}
