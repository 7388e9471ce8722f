import { type CommandContext, wholeNumber } from "@mpo/cli";
import type { Command } from "commander";
import { type BenchFleetOptions, benchFleet } from "../bench/fleet/bench-fleet.ts";

/** `mpo bench fleet`: a coordinator under many simulated agents. */
export function addFleetBench(bench: Command, context: CommandContext): void {
  bench
    .command("fleet")
    .description("a real coordinator and nats-server under many simulated agents on this machine")
    .option(
      "--agents <n>",
      "simulated agents: the product's core, each with its own connections",
      wholeNumber(1, 50_000),
      1000,
    )
    .option("--pushes <n>", "configurations to push, to devices that the seed draws", wholeNumber(1, 1_000_000), 1000)
    .option("--rate <n>", "pushes in a second", wholeNumber(1, 10_000), 20)
    .option("--join-rate <n>", "agents started in a second", wholeNumber(1, 10_000), 200)
    .option("--seed <n>", "decides which devices, and all jitter", wholeNumber(0), 1)
    .action((options: BenchFleetOptions) => benchFleet(options, context));
}
