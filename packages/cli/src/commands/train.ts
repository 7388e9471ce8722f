import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { addDatasetOptions } from "../options/dataset-options.ts";
import { numberBetween, wholeNumber } from "../options/parsers.ts";
import type { TrainOptions } from "../train/run-train.ts";

/** `mpo train`: a source model from scratch. */
export function addTrainCommand(program: Command, context: CommandContext): void {
  const command = program
    .command("train")
    .description("train a model from scratch and write it with its card")
    .requiredOption("--output <dir>", "folder for the model (TensorFlow.js layers format) and its card")
    .option("--model <name>", "a model of the zoo, see `mpo models`", "resnet20")
    .option("--norm <batch|group>", "its normalisation", "group");
  addDatasetOptions(command)
    .option("--epochs <n>", "times that all images are seen", wholeNumber(1, 10_000), 10)
    .option("--batch <n>", "images in a step", wholeNumber(1, 65_536), 128)
    .option("--micro-batch <n>", "images at once; must divide the batch (default: the batch)", wholeNumber(1, 65_536))
    .option(
      "--learning-rate <rate>",
      "peak of the one-cycle schedule (default 0.1 for 128 images)",
      numberBetween(0, 100),
    )
    .option("--seed <n>", "decides first weights, order and augmentation", wholeNumber(0), 1)
    .option("--limit <n>", "use only the first N training images", wholeNumber(1))
    .option("--threads <n>", "threads inside an operation (default: all cores)", wholeNumber(1, 1024))
    .option("--resume", "go on from the checkpoint in the output folder", false)
    .option("--no-corruptions", "leave the accuracy under corruptions out of the card")
    .action(async (options: TrainOptions) => {
      const { runTrain } = await import("../train/run-train.ts");
      await runTrain(options, context);
    });
}
