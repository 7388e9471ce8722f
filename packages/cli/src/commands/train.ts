import { MODEL_NAMES, NORM_NAMES } from "@mpo/engine";
import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { choice } from "../options/choice.ts";
import { addDatasetOptions } from "../options/dataset-options.ts";
import { addInputOptions } from "../options/input-options.ts";
import { batchOption, microBatchOption, numberBetween, threadsOption, wholeNumber } from "../options/parsers.ts";
import { forceOption } from "../planning/check-output.ts";
import { runTrain, type TrainOptions } from "../train/run-train.ts";

export function define(command: Command, context: CommandContext): void {
  const rate = "peak of the one-cycle schedule (default: 0.1 for 128 images)";
  command
    .requiredOption("-o, --output <dir>", "folder for the model (TensorFlow.js layers format) and its card")
    .addOption(choice("--model <name>", "a model of the zoo, see `mpo models`", MODEL_NAMES, "resnet20"))
    .addOption(choice("--norm <name>", "its normalisation", NORM_NAMES, "group"));
  addInputOptions(addDatasetOptions(command))
    .option("--epochs <n>", "times that all images are seen", wholeNumber(1, 10_000), 10)
    .addOption(batchOption(128))
    .addOption(microBatchOption())
    .option("--learning-rate <rate>", rate, numberBetween(0, 100))
    .option("--seed <n>", "decides first weights, order and augmentation", wholeNumber(0), 1)
    .option("--limit <n>", "use only the first N training images (default: all)", wholeNumber(1))
    .addOption(threadsOption())
    .addOption(forceOption())
    .option("--resume", "continue from the checkpoint in the output folder", false)
    .option("--no-corruptions", "leave the accuracy under corruptions out of the card")
    .action((options: TrainOptions) => runTrain(options, context));
}
