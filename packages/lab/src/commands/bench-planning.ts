import {
  addSubjectOptions,
  type CommandContext,
  durationInMs,
  durationOption,
  listed,
  sizeInBytes,
  wholeNumber,
} from "@mpo/cli";
import { type Command, Option } from "commander";
import type { BenchEmulationOptions } from "../bench/bench-emulation.ts";
import type { BenchPlacementOptions } from "../bench/bench-placement.ts";
import type { BenchSearchOptions } from "../bench/bench-search.ts";
import type { BenchSmallestOptions } from "../bench/bench-smallest.ts";
import type { BenchPoliciesOptions } from "../bench/policies/bench-policies.ts";

/** The benches of probing, prediction and search: further commands of `mpo bench`. */
export function addPlanningBenches(bench: Command, context: CommandContext): void {
  addSubjectOptions(
    bench
      .command("emulation")
      .description("predicted against measured memory and time, over random configs that were never probed"),
  )
    .option("--batch <n>", "images in a step", wholeNumber(1, 65_536), 256)
    .option("--method <name>", "tent, shot or crossEntropy", "crossEntropy")
    .option("--configs <n>", "how many configs; each runs in a process of its own", wholeNumber(1, 10_000), 60)
    .addOption(durationOption("--budget <duration>", "time for the probe", "20s"))
    .option("--seed <n>", "decides the configs", wholeNumber(0), 1)
    .option("--threads <n>", "threads inside an operation (default: all cores)", wholeNumber(1, 1024))
    .option("-o, --output <file>", "keep the profile here")
    .action(async (options: BenchEmulationOptions) => {
      const { benchEmulation } = await import("../bench/bench-emulation.ts");
      await benchEmulation(options, context);
    });
  addSubjectOptions(
    bench.command("placement").description("uniform segments against optimally placed checkpoints, at equal memory"),
  )
    .option("--batch <n>", "images in a step, all at once", wholeNumber(1, 65_536), 64)
    .option("--levels <n>", "memory levels: numbers of segments that save memory, from 2 on", wholeNumber(1, 12), 4)
    .option("--repeats <n>", "steps of each that are timed", wholeNumber(1, 1000), 7)
    .addOption(durationOption("--budget <duration>", "time for the probe of what units cost", "20s"))
    .option("--profile <file>", "take what units cost from a profile instead")
    .option("--seed <n>", "decides weights and images", wholeNumber(0), 1)
    .option("--threads <n>", "threads inside an operation (default: all cores)", wholeNumber(1, 1024))
    .action(async (options: BenchPlacementOptions) => {
      const { benchPlacement } = await import("../bench/bench-placement.ts");
      await benchPlacement(options, context);
    });
  bench
    .command("smallest")
    .description("the least memory that each model retrains in, as a share of its plain step")
    .option("--models <list>", "with commas between", "resnet50,densenet121,mobilenet-v2")
    .option("--norm <batch|group>", "their normalisation", "batch")
    .addOption(new Option("--form <name>", "their form (default: by the images' size)").choices(["small", "imagenet"]))
    .option("--image <pixels>", "side of the (random) images", wholeNumber(8, 1024), 32)
    .option("--batch <n>", "images in a step", wholeNumber(1, 65_536), 256)
    .option("--seed <n>", "decides weights and images", wholeNumber(0), 1)
    .option("--threads <n>", "threads inside an operation (default: all cores)", wholeNumber(1, 1024))
    .action(async (options: BenchSmallestOptions) => {
      const { benchSmallest } = await import("../bench/bench-smallest.ts");
      await benchSmallest(options, context);
    });
  bench
    .command("search")
    .description("milliseconds for one device's whole search and for a re-plan, on made-up profiles of two models")
    .option("--repeats <n>", "searches of each model", wholeNumber(2, 1000), 10)
    .option("--seed <n>", "decides the profiles", wholeNumber(0), 1)
    .action(async (options: BenchSearchOptions) => {
      const { benchSearch } = await import("../bench/bench-search.ts");
      await benchSearch(options, context);
    });
  addPolicies(bench, context);
}

function addPolicies(bench: Command, context: CommandContext): void {
  bench
    .command("policies")
    .description("accuracy, memory and time of every policy under equal limits, on the same drifts")
    .requiredOption("--weights <dir>", "folder of the model")
    .option("--task <name>", "fashion-c or cifar10-c: the data set's test images, damaged", "fashion-c")
    .option("--data <folder>", "where the data set lies")
    .option("--corruptions <list>", "names with commas between, or all", "all")
    .option("--severity <1..5>", "how badly the images are damaged", wholeNumber(1, 5), 5)
    .option("--method <name>", "tent or shot, neither needs labels", "tent")
    .option("--batch <n>", "images in a step (the effective batch)", wholeNumber(1, 65_536), 256)
    .requiredOption("--memory <sizes>", "limits of what a step may add, such as 12MiB,40MiB", listed(sizeInBytes))
    .requiredOption("--window <durations>", "limits of time for a retraining, such as 3s,10s", listed(durationInMs))
    .option("--samples <n>", "images of each drift to adapt to", wholeNumber(1), 1024)
    .option("--judge-samples <n>", "other images of it, with labels, for the report", wholeNumber(1), 2000)
    .addOption(durationOption("--probe-budget <duration>", "time for the probe", "20s"))
    .option("--seed <n>", "decides samples, their damage and order", wholeNumber(0), 1)
    .option("--threads <n>", "threads inside an operation (default: all cores)", wholeNumber(1, 1024))
    .option("-o, --output <file>", "keep results there as they come")
    .option("--resume", "go on from that file; limits, windows and corruptions may be others", false)
    .action(async (options: BenchPoliciesOptions) => {
      const { benchPolicies } = await import("../bench/policies/bench-policies.ts");
      await benchPolicies(options, context);
    });
}
