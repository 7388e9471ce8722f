import {
  type CommandContext,
  choice,
  durationInMs,
  fleetName,
  frostOption,
  numberBetween,
  wholeNumber,
} from "@mpo/cli";
import { CORRUPTION_NAMES } from "@mpo/datasets";
import type { Command } from "commander";
import { type ExampleAppOptions, runExampleApp } from "../example-app/run-example-app.ts";

/** `mpo example-app`: what serves a model beside an agent. */
export function define(command: Command, context: CommandContext): void {
  command
    .requiredOption("--serving <folder>", "the folder that is shared with the agent")
    .option("--model <name>", "name of the model, and of its folder there", fleetName, "fashion")
    .option("--weights <dir>", "a Fashion-MNIST model (default: the one that comes with this)")
    .addOption(choice("--corruption <name>", "how the images are damaged once they drift", CORRUPTION_NAMES, "snow"))
    .addOption(frostOption())
    .option("--drift-after <duration>", "when it begins (default: when Enter is pressed)", durationInMs)
    .option("--rate <n>", "approximate images per second", numberBetween(1, 10_000), 100)
    .option("--seed <n>", "decides the order of the images", wholeNumber(0), 1)
    .addHelpText("after", HELP)
    .action((options: ExampleAppOptions) => runExampleApp(options, context));
}

const HELP = `
Runs until Ctrl-C. It works with the agent through the serving folder alone, which has a folder for each model:
  MODEL/model       the model as deployed; made when it is missing
  MODEL/inputs      images that were served, with their predictions, without labels
  MODEL/retrained   retrained models, which it goes over to

The accuracy that it prints comes from labels that it keeps to itself.

Example:
  mpo example-app --serving serving --corruption fog --drift-after 2min`;
