import {
  addSubjectOptions,
  type CommandContext,
  choice,
  durationInMs,
  durationOption,
  listed,
  listOf,
  type OptionParser,
  sizeInBytes,
  threadsOption,
  wholeNumber,
} from "@mpo/cli";
import { MAX_BATCH, METHOD_NAMES } from "@mpo/core";
import { CORRUPTION_NAMES } from "@mpo/datasets";
import { FORM_NAMES, MODEL_NAMES, type ModelName, NORM_NAMES } from "@mpo/engine";
import type { Command } from "commander";
import { type BenchEmulationOptions, benchEmulation } from "../bench/bench-emulation.ts";
import { type BenchPlacementOptions, benchPlacement } from "../bench/bench-placement.ts";
import { type BenchSearchOptions, benchSearch } from "../bench/bench-search.ts";
import { type BenchSmallestOptions, benchSmallest } from "../bench/bench-smallest.ts";
import { type BenchPoliciesOptions, benchPolicies, POLICY_TASKS } from "../bench/policies/bench-policies.ts";

const SMALLEST: readonly ModelName[] = ["resnet50", "densenet121", "mobilenet-v2"];
const corruptionsOf: OptionParser<typeof CORRUPTION_NAMES | readonly (typeof CORRUPTION_NAMES)[number][]> = (text) =>
  text === "all" ? CORRUPTION_NAMES : listOf(CORRUPTION_NAMES)(text);

/** The benches of probing, prediction and search: further commands of `mpo bench`. */
export function addPlanningBenches(bench: Command, context: CommandContext): void {
  addSubjectOptions(
    bench
      .command("emulation")
      .description("predicted against measured memory and time, over random configs that were never probed"),
  )
    .option("--batch <n>", "images in a step", wholeNumber(1, MAX_BATCH), 256)
    .addOption(choice("--method <name>", "how it will be retrained", METHOD_NAMES, "crossEntropy"))
    .option("--configs <n>", "how many configs; each runs in a process of its own", wholeNumber(1, 10_000), 60)
    .addOption(durationOption("--budget <duration>", "time for the probe", "20s"))
    .option("--seed <n>", "decides the configs", wholeNumber(0), 1)
    .addOption(threadsOption())
    .option("-o, --output <file>", "keep the profile here")
    .action((options: BenchEmulationOptions) => benchEmulation(options, context));
  addSubjectOptions(
    bench.command("placement").description("uniform segments against optimally placed checkpoints, at equal memory"),
  )
    .option("--batch <n>", "images in a step, all at once", wholeNumber(1, MAX_BATCH), 64)
    .option("--levels <n>", "memory levels: numbers of segments that save memory, from 2 on", wholeNumber(1, 12), 4)
    .option("--repeats <n>", "steps of each that are timed", wholeNumber(1, 1000), 7)
    .addOption(durationOption("--budget <duration>", "time for the probe of what units cost", "20s"))
    .option("--profile <file>", "take what units cost from a profile instead")
    .option("--seed <n>", "decides weights and images", wholeNumber(0), 1)
    .addOption(threadsOption())
    .action((options: BenchPlacementOptions) => benchPlacement(options, context));
  bench
    .command("smallest")
    .description("the least memory that each model retrains in, as a share of its plain step")
    .option("--models <list>", "with commas between", listOf(MODEL_NAMES), SMALLEST)
    .addOption(choice("--norm <name>", "their normalisation", NORM_NAMES, "batch"))
    .addOption(choice("--form <name>", "their form (default: by the images' size)", FORM_NAMES))
    .option("--image <pixels>", "side of the (random) images", wholeNumber(8, 1024), 32)
    .option("--batch <n>", "images in a step", wholeNumber(1, MAX_BATCH), 256)
    .option("--seed <n>", "decides weights and images", wholeNumber(0), 1)
    .addOption(threadsOption())
    .action((options: BenchSmallestOptions) => benchSmallest(options, context));
  bench
    .command("search")
    .description("milliseconds for one device's whole search and for a re-plan, on made-up profiles of two models")
    .option("--repeats <n>", "searches of each model", wholeNumber(2, 1000), 10)
    .option("--seed <n>", "decides the profiles", wholeNumber(0), 1)
    .action((options: BenchSearchOptions) => benchSearch(options, context));
  addPolicies(bench, context);
}

function addPolicies(bench: Command, context: CommandContext): void {
  bench
    .command("policies")
    .description("accuracy, memory and time of every policy under equal limits, on the same drifts")
    .requiredOption("--weights <dir>", "folder of the model")
    .addOption(choice("--task <name>", "a data set's test images, damaged", Object.keys(POLICY_TASKS), "fashion-c"))
    .option("--data <folder>", "where the data set lies")
    .option("--corruptions <list>", "names with commas between (default: all)", corruptionsOf, CORRUPTION_NAMES)
    .option("--severity <1..5>", "how badly the images are damaged", wholeNumber(1, 5), 5)
    .addOption(choice("--method <name>", "one that needs no labels", METHOD_NAMES, "tent"))
    .option("--batch <n>", "images in a step (the effective batch)", wholeNumber(1, MAX_BATCH), 256)
    .requiredOption("--memory <sizes>", "limits of what a step may add, such as 12MiB,40MiB", listed(sizeInBytes))
    .requiredOption("--window <durations>", "limits of time for a retraining, such as 3s,10s", listed(durationInMs))
    .option("--samples <n>", "images of each drift to adapt to", wholeNumber(1), 1024)
    .option("--judge-samples <n>", "other images of it, with labels, for the report", wholeNumber(1), 2000)
    .addOption(durationOption("--probe-budget <duration>", "time for the probe", "20s"))
    .option("--seed <n>", "decides samples, their damage and order", wholeNumber(0), 1)
    .addOption(threadsOption())
    .option("-o, --output <file>", "keep results there as they come")
    .option("--resume", "go on from that file; limits, windows and corruptions may be others", false)
    .action((options: BenchPoliciesOptions) => benchPolicies(options, context));
}
