import { type Command, Option } from "commander";
import type { CommandContext } from "../command-context.ts";
import type { RollbackOptions, ShowConfigOptions } from "../fleet/config.ts";
import type { PushOptions } from "../fleet/push-config.ts";
import { addConfigOptions } from "../options/config-options.ts";
import { addFleetOptions, documentVersion, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { durationInMs, sizeInBytes } from "../options/parsers.ts";
import { FLEET_EXIT_CODES } from "../output/exit-code-help.ts";

/** `mpo config show`, `explain`, `push` and `rollback`. */
export function addConfigCommands(program: Command, context: CommandContext): void {
  const config = program.command("config").description("see and change what a device shall run");
  addFleetOptions(config.command("show").description("show a device's document: the ladder, predicted and seen"))
    .argument("<device>", "its name", fleetName)
    .option("--at <version>", "an older document, such as 1.4", documentVersion)
    .addHelpText("after", `\n${FLEET_EXIT_CODES}`)
    .action(async (device: string, options: ShowConfigOptions) => {
      const { showConfig } = await import("../fleet/config.ts");
      await showConfig(device, options, context);
    });
  addFleetOptions(config.command("explain").description("say why a device's document is what it is"))
    .argument("<device>", "its name", fleetName)
    .addHelpText("after", `\n${FLEET_EXIT_CODES}`)
    .action(async (device: string, options: FleetOptions) => {
      const { explainConfig } = await import("../fleet/config.ts");
      await explainConfig(device, options, context);
    });
  addPush(config, context);
  addFleetOptions(config.command("rollback").description("give a device an older document's content, as a new version"))
    .argument("<device>", "its name", fleetName)
    .option("--to <version>", "to this one (default: the last one before that the device confirmed)", documentVersion)
    .option("--reason <words>", "why; goes into the document and the events", "")
    .addHelpText(
      "after",
      `\nExample:\n  mpo config rollback pi-7 --to 1.4 --reason "1.5 is too slow"\n\n${FLEET_EXIT_CODES}`,
    )
    .action(async (device: string, options: RollbackOptions) => {
      const { rollBackConfig } = await import("../fleet/config.ts");
      await rollBackConfig(device, options, context);
    });
}

function addPush(config: Command, context: CommandContext): void {
  const command = addFleetOptions(
    config.command("push").description("give a device a new document: searched anew, or with a configuration of yours"),
  )
    .argument("<device>", "its name", fleetName)
    .option("--model <name>", "for this model (default: as in its newest document)", fleetName)
    .option("--memory <size>", "search for this much above the idle process, such as 150MiB", sizeInBytes)
    .option("--window <duration>", "search for a retraining of this time, such as 60s", durationInMs)
    .addOption(new Option("--objective <name>", "what the best is best at").choices(["accuracy", "memory", "time"]))
    .option("--expect <version>", "only if this is still its newest document, such as 1.4", documentVersion)
    .option("--reason <words>", "why; goes into the document and the events", "")
    .option("--wait <duration>", "wait until the device has told what became of it", durationInMs);
  addConfigOptions(command, undefined)
    .addHelpText("after", `\n${PUSH_HELP}\n\n${FLEET_EXIT_CODES}`)
    .action(async (device: string, options: PushOptions) => {
      const { pushConfig } = await import("../fleet/push-config.ts");
      await pushConfig(device, options, context);
    });
}

const PUSH_HELP = `Without one of --batch to --checkpoints, the coordinator searches again, with the budget that is given or was given before.
With one of them, that very configuration is pushed, whatever the search says.

Examples:
  mpo config push pi-7 --memory 100MiB --window 60s --reason "less memory for the new firmware"
  mpo config push pi-7 --micro-batch 8 --freeze 0.5 --segments 4 --expect 1.4 --wait 10s`;
