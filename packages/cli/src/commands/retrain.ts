import { ANY_METHOD, METHOD_WISHES, MpoError } from "@mpo/core";
import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { addBudgetOptions } from "../options/budget-options.ts";
import { choice } from "../options/choice.ts";
import { addConfigOptions } from "../options/config-options.ts";
import { addDatasetOptions, addDriftOptions } from "../options/dataset-options.ts";
import { addInputOptions } from "../options/input-options.ts";
import { durationInMs, numberBetween, sizeInBytes, threadsOption, wholeNumber } from "../options/parsers.ts";
import { weightsOption } from "../options/subject-options.ts";
import { forceOption } from "../planning/check-output.ts";
import { type AutoRetrainOptions, runAutoRetrain } from "../retrain/auto-retrain.ts";
import { runRetrain } from "../retrain/run-retrain.ts";

/** `mpo retrain`: under given m-hyperparameters, or with `--auto` under those that a search chooses. */
export function define(command: Command, context: CommandContext): void {
  command
    .addOption(weightsOption())
    .addOption(
      choice(
        "--method <name>",
        `how; only crossEntropy needs labels; with --auto, ${ANY_METHOD} chooses one that needs none`,
        METHOD_WISHES,
        "tent",
      ),
    );
  addDriftOptions(addInputOptions(addDatasetOptions(command)), "gaussian_noise")
    .option("--samples <n>", "test images to adapt to", wholeNumber(1), 1000)
    .option("--judge-samples <n>", "other test images, to judge the result", wholeNumber(1), 1000)
    .option("--epochs <n>", "passes over the samples", wholeNumber(1, 10_000), 2)
    .option("--learning-rate <rate>", "default: the method's, in proportion to the batch", numberBetween(0, 100));
  addConfigOptions(command, 256)
    .option("--memory-cap <size>", "stop when TensorFlow's memory would exceed this, such as 400MiB", sizeInBytes)
    .option("--timeout <duration>", "stop when it takes longer, such as 60s", durationInMs)
    .option("--seed <n>", "decides which samples, their order and damage", wholeNumber(0), 1)
    .addOption(threadsOption())
    .option("-o, --output <dir>", "write the retrained model there, if it is not worse")
    .addOption(forceOption())
    .option("--auto", "choose the config: probe, search, and run what fits --memory and --window", false);
  addBudgetOptions(command, "auto: ")
    .option("--profile <file>", "auto: use this profile and add to it what the window shows, instead of probing")
    .option("--probe-time <duration>", "auto: time for the probe (default: a third of the window, 20s)", durationInMs)
    .action((options: AutoRetrainOptions & { readonly auto: boolean }) => {
      const { method } = options;
      if (options.auto) return runAutoRetrain(options, context);
      if (method !== ANY_METHOD) return runRetrain({ ...options, method }, context);
      throw new MpoError("invalid-argument", `without --auto, nothing chooses for --method ${ANY_METHOD}`, {
        hint: "Add --auto, or name a method.",
      });
    })
    .hook("preAction", () => requireAutoFor(command));
}

/** Options that only a search obeys. */
const AUTO_OPTIONS = ["memory", "memoryTotal", "window", "objective", "profile", "probeTime"];
/** Options that a search decides itself. */
const CHOSEN_OPTIONS = [
  "microBatch",
  "freeze",
  "freezeFeatures",
  "freezeNorm",
  "freezeLinear",
  "trainLayers",
  "segments",
  "checkpoints",
];

/** Nothing that was asked for is silently ignored. */
function requireAutoFor(command: Command): void {
  const { auto } = command.opts<{ auto: boolean }>();
  const ignored = command.options.filter(
    (option) =>
      (auto ? [...CHOSEN_OPTIONS, "memoryCap", "timeout", "epochs"] : AUTO_OPTIONS).includes(option.attributeName()) &&
      command.getOptionValueSource(option.attributeName()) === "cli",
  );
  if (ignored.length === 0) return;
  const names = ignored.map(({ long }) => long).join(", ");
  throw new MpoError(
    "invalid-argument",
    auto ? `--auto chooses what ${names} would set` : `without --auto, ${names} would be ignored`,
    {
      hint: auto
        ? `Leave ${names} out, or leave --auto out.`
        : "Add --auto to search for what fits, or use --memory-cap and --timeout as limits of one given configuration.",
    },
  );
}
