import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import type { EventsOptions } from "../fleet/events.ts";
import { addFleetOptions, fleetName } from "../options/fleet-options.ts";
import { wholeNumber } from "../options/parsers.ts";
import { FLEET_EXIT_CODES } from "../output/exit-code-help.ts";

/** `mpo events`: who did what to which device. */
export function addEventsCommand(program: Command, context: CommandContext): void {
  addFleetOptions(program.command("events").description("list what happened in a fleet: who did what to which device"))
    .option("--device <name>", "only of this device", fleetName)
    .option("--limit <n>", "the newest so many", wholeNumber(1, 1000), 50)
    .option("-f, --follow", "go on with what happens, until Ctrl-C; comes back when the coordinator does", false)
    .addHelpText(
      "after",
      `\nTimes are UTC.\n\nExamples:\n  mpo events --device pi-7\n  mpo events --follow --json\n\n${FLEET_EXIT_CODES}`,
    )
    .action(async (options: EventsOptions) => {
      const { showEvents } = await import("../fleet/events.ts");
      await showEvents(options, context);
    });
}
