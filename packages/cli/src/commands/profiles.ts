import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import type { ExportProfileOptions, ListProfilesOptions } from "../fleet/profiles.ts";
import { addFleetOptions, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { FLEET_EXIT_CODES } from "../output/exit-code-help.ts";

/** `mpo profiles list`, `show` and `export`. */
export function addProfilesCommands(program: Command, context: CommandContext): void {
  const profiles = program.command("profiles").description("see what the devices of a fleet have measured");
  addFleetOptions(profiles.command("list").description("list the profiles"))
    .option("--device <name>", "only this device's", fleetName)
    .option("--model <name>", "only of this model", fleetName)
    .addHelpText("after", `\n${FLEET_EXIT_CODES}`)
    .action(async (options: ListProfilesOptions) => {
      const { listProfiles } = await import("../fleet/profiles.ts");
      await listProfiles(options, context);
    });
  addFleetOptions(profiles.command("show").description("show what a device measured of a model"))
    .argument("<device>", "its name", fleetName)
    .argument("[model]", "the model; may be left out where there is one", fleetName)
    .addHelpText("after", `\n${FLEET_EXIT_CODES}`)
    .action(async (device: string, model: string | undefined, options: FleetOptions) => {
      const { showProfile } = await import("../fleet/profiles.ts");
      await showProfile(device, model, options, context);
    });
  addFleetOptions(profiles.command("export").description("write a profile to a file"))
    .argument("<device>", "its name", fleetName)
    .argument("[model]", "the model; may be left out where there is one", fleetName)
    .requiredOption("-o, --output <file>", "where it goes")
    .option("--weights <dir>", "folder of the model: then `mpo emulate`, `search` and `explain` can read the file")
    .addHelpText(
      "after",
      `\nExample:\n  mpo profiles export pi-7 --weights resnet20-bn --output pi-7.json\n  mpo search pi-7.json --memory 100MiB --window 60s\n\n${FLEET_EXIT_CODES}`,
    )
    .action(async (device: string, model: string | undefined, options: ExportProfileOptions) => {
      const { exportProfile } = await import("../fleet/profiles.ts");
      await exportProfile(device, model, options, context);
    });
}
