import type { Command } from "commander";
import type { BenchEmulationOptions } from "../bench/bench-emulation.ts";
import type { BenchSearchOptions } from "../bench/bench-search.ts";
import { durationInMs, wholeNumber } from "../options/parsers.ts";
import { addSubjectOptions } from "../options/subject-options.ts";
import type { CommandContext } from "../run-cli.ts";

const DEFAULT_BUDGET_MS = 20_000;

/** The benches of probing, prediction and search: further commands of `mpo bench`. */
export function addPlanningBenches(bench: Command, context: CommandContext): void {
  addSubjectOptions(
    bench
      .command("emulation")
      .description("predicted against measured memory and time, over random configs that were never probed"),
  )
    .option("--batch <n>", "images in a step", wholeNumber(1, 65_536), 256)
    .option("--method <name>", "tent, shot or crossEntropy", "crossEntropy")
    .option("--configs <n>", "how many configs; each runs twice, in processes of its own", wholeNumber(1, 10_000), 60)
    .option("--budget <duration>", "time for the probe", durationInMs, DEFAULT_BUDGET_MS)
    .option("--seed <n>", "decides the configs", wholeNumber(0), 1)
    .option("--threads <n>", "threads inside an operation (default: all cores)", wholeNumber(1, 1024))
    .action(async (options: BenchEmulationOptions) => {
      const { benchEmulation } = await import("../bench/bench-emulation.ts");
      await benchEmulation(options, context);
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
}
