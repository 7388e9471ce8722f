import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import type { ListDevicesOptions } from "../fleet/devices.ts";
import { repeated } from "../options/address-options.ts";
import { addFleetOptions, type FleetOptions, fleetName, labelOf } from "../options/fleet-options.ts";
import { FLEET_EXIT_CODES } from "../output/exit-code-help.ts";

/** `mpo devices list` and `show`. */
export function addDevicesCommands(program: Command, context: CommandContext): void {
  const devices = program.command("devices").description("see the devices of a fleet");
  addFleetOptions(devices.command("list").description("list the devices: what they are, have, and run"))
    .option("--label <name=value>", "only those with this label; may be repeated", repeated(labelOf))
    .option("--class <name>", "only those of this class", fleetName)
    .addHelpText(
      "after",
      `\nExamples:\n  mpo devices list --label site=berlin\n  mpo devices list --json\n\n${FLEET_EXIT_CODES}`,
    )
    .action(async (options: ListDevicesOptions) => {
      const { listDevices } = await import("../fleet/devices.ts");
      await listDevices(options, context);
    });
  addFleetOptions(devices.command("show").description("show one device and its latest retrainings, predicted and seen"))
    .argument("<device>", "its name", fleetName)
    .addHelpText("after", `\nExample:\n  mpo devices show pi-7\n\n${FLEET_EXIT_CODES}`)
    .action(async (device: string, options: FleetOptions) => {
      const { showDevice } = await import("../fleet/devices.ts");
      await showDevice(device, options, context);
    });
}
