import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { addConfigOptions } from "../options/config-options.ts";
import { addDatasetOptions } from "../options/dataset-options.ts";
import { durationInMs, numberBetween, sizeInBytes, wholeNumber } from "../options/parsers.ts";
import type { AutoRetrainOptions } from "../retrain/auto-retrain.ts";

const DEFAULT_BATCH = 256;

/** `mpo retrain`: a stored model to drifted images, under given m-hyperparameters. */
export function addRetrainCommand(program: Command, context: CommandContext): void {
  const command = program
    .command("retrain")
    .description("adapt a stored model to drifted images and judge the result")
    .requiredOption("--weights <dir>", "folder of the model (what `mpo train` wrote, or any layers model)")
    .option("--method <name>", "tent, shot (neither needs labels) or crossEntropy", "tent");
  addDatasetOptions(command)
    .option("--corruption <name>", "how the images are damaged; `clean` for not at all", "gaussian_noise")
    .option("--severity <1..5>", "how badly", wholeNumber(1, 5), 5)
    .option("--samples <n>", "test images to adapt to", wholeNumber(1), 1000)
    .option("--judge-samples <n>", "other test images on which the result is judged", wholeNumber(1), 1000)
    .option("--epochs <n>", "times that the samples are seen", wholeNumber(1, 10_000), 2)
    .option("--learning-rate <rate>", "default: the method's, in proportion to the batch", numberBetween(0, 100));
  addConfigOptions(command, DEFAULT_BATCH)
    .option("--memory-cap <size>", "stop when TensorFlow's memory would exceed this, such as 400MiB", sizeInBytes)
    .option("--timeout <duration>", "stop when it takes longer, such as 60s", durationInMs)
    .option("--seed <n>", "decides which samples, their order and damage", wholeNumber(0), 1)
    .option("--threads <n>", "threads inside an operation (default: all cores)", wholeNumber(1, 1024))
    .option("--output <dir>", "write the retrained model there, if it is not worse")
    .option("--auto", "choose the config: probe, search, and run what fits --memory and --window", false)
    .option("--memory <size>", "auto: what a step may add to the idle process, such as 150MiB", sizeInBytes)
    .option("--memory-total <size>", "auto, instead: what the whole worker process may take", sizeInBytes)
    .option("--window <duration>", "auto: time for probing and retraining, such as 60s", durationInMs)
    .option("--objective <name>", "auto: accuracy; or memory or time at (nearly) the best accuracy", "accuracy")
    .option("--profile <file>", "auto: use this profile and add to it what the window shows, instead of probing")
    .option("--probe-budget <duration>", "auto: time for the probe (default: a third of the window, 20s)", durationInMs)
    .action(async (options: AutoRetrainOptions & { readonly auto: boolean }) => {
      if (options.auto) {
        const { runAutoRetrain } = await import("../retrain/auto-retrain.ts");
        await runAutoRetrain(options, context);
        return;
      }
      const { runRetrain } = await import("../retrain/run-retrain.ts");
      await runRetrain(options, context);
    });
}
