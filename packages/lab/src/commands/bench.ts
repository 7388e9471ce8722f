import {
  addDatasetOptions,
  type CommandContext,
  choice,
  listOf,
  numberBetween,
  threadsOption,
  wholeNumber,
  wholeNumbers,
} from "@mpo/cli";
import { MAX_BATCH, METHOD_NAMES } from "@mpo/core";
import { FORM_NAMES, MODEL_NAMES, NORM_NAMES } from "@mpo/engine";
import type { Command } from "commander";
import { type BenchAdaptationOptions, benchAdaptation } from "../bench/bench-adaptation.ts";
import { type BenchMemoryOptions, benchMemory } from "../bench/bench-memory.ts";
import { type BenchStepOptions, benchStep } from "../bench/bench-step.ts";
import { addFleetBench } from "./bench-fleet.ts";
import { addPlanningBenches } from "./bench-planning.ts";

const DEFAULT_BATCH = 64;

/** `mpo bench`: measurements, side by side with others where that is possible. */
export function define(bench: Command, context: CommandContext): void {
  bench
    .command("step")
    .description("time and memory of one training step")
    .addOption(choice("--model <name>", "a model of the zoo, see `mpo models`", MODEL_NAMES, "resnet20"))
    .addOption(choice("--norm <name>", "its normalisation", NORM_NAMES, "batch"))
    .addOption(choice("--form <name>", "for small images, or as published for 224x224", FORM_NAMES, "small"))
    .option("--image <pixels>", "side of the (random) images", wholeNumber(8, 1024), 32)
    .option("--batch <n>", "images in a step", wholeNumber(1, MAX_BATCH), DEFAULT_BATCH)
    .option(
      "--micro-batch <n>",
      "images at once; must divide the batch (default: the batch)",
      wholeNumber(1, MAX_BATCH),
    )
    .option("--segments <k>", "checkpoints: k segments of equal unit count", wholeNumber(1, 10_000), 1)
    .option("--checkpoints <units>", "checkpoints of our own step: keep the inputs of these units", wholeNumbers(0))
    .option("--freeze-rate <rate>", "share of layers that do not train, 0 to 1", numberBetween(0, 1), 0)
    .option("--steps <n>", "steps of each measurement", wholeNumber(1, 10_000), 10)
    .option("--repeats <n>", "measurements of each system, each in a new process, in turn", wholeNumber(1, 1000), 3)
    .option("--seed <n>", "decides weights and images", wholeNumber(0), 1)
    .option("--threads <n>", "threads of every system (default: all cores)", wholeNumber(1, 1024))
    .addOption(choice("--peer <name>", "measure another system too: TensorFlow.js' own layers and autodiff", ["tfjs"]))
    .option("--torch-python <path>", "measure PyTorch too, with this Python that has torch")
    .action((options: BenchStepOptions) => benchStep(options, context));
  bench
    .command("memory")
    .description("planned against measured peak memory, over random configs of several models")
    .option("--configs <n>", "how many configs, each in a new process", wholeNumber(1, 10_000), 40)
    .option("--image <pixels>", "side of the (random) images", wholeNumber(8, 1024), 32)
    .option("--seed <n>", "decides the configs", wholeNumber(0), 1)
    .option("--threads <n>", "threads inside an operation", wholeNumber(1, 1024))
    .action((options: BenchMemoryOptions) => benchMemory(options, context));
  const adaptation = bench
    .command("adaptation")
    .description("accuracy before and after label-free retraining, for each of the 15 corruptions")
    .requiredOption("--weights <dir>", "folder of the model")
    .option("--methods <list>", `some of ${METHOD_NAMES.join(",")}`, listOf(METHOD_NAMES), ["tent", "shot"]);
  addDatasetOptions(adaptation)
    .option("--severity <1..5>", "how badly the images are damaged", wholeNumber(1, 5), 5)
    .option("--samples <n>", "test images to adapt to", wholeNumber(1), 2000)
    .option("--judge-samples <n>", "other test images on which the result is judged", wholeNumber(1), 2000)
    .option("--epochs <n>", "times that the samples are seen", wholeNumber(1, 10_000), 2)
    .option("--batch <n>", "images in a step", wholeNumber(1, MAX_BATCH), DEFAULT_BATCH)
    .option("--seed <n>", "decides which samples, their order and damage", wholeNumber(0), 1)
    .addOption(threadsOption())
    .action((options: BenchAdaptationOptions) => benchAdaptation(options, context));
  addPlanningBenches(bench, context);
  addFleetBench(bench, context);
}
