import { type Command, Option } from "commander";
import { wholeNumber } from "./parsers.ts";

/** Adds the options that say which model a command is about. */
export function addSubjectOptions(command: Command): Command {
  return command
    .option("--model <name>", "a model of the zoo with random weights, see `mpo models`")
    .option("--norm <batch|group>", "its normalisation", "batch")
    .addOption(new Option("--form <name>", "its form (default: by the images' size)").choices(["small", "imagenet"]))
    .option("--image <pixels>", "side of its images", wholeNumber(8, 1024), 32)
    .option("--channels <n>", "channels of its images", wholeNumber(1, 16), 3)
    .option("--classes <n>", "its classes", wholeNumber(2, 100_000), 10)
    .option("--weights <dir>", "a stored model instead");
}
