import { type Command, Option } from "commander";
import type { CommandContext } from "../command-context.ts";
import { addConfigOptions } from "../options/config-options.ts";
import { durationInMs, durationOption, sizeInBytes, wholeNumber } from "../options/parsers.ts";
import { addSubjectOptions } from "../options/subject-options.ts";
import type { EmulateOptions } from "../planning/run-emulate.ts";
import type { ProbeCommandOptions } from "../planning/run-probe.ts";
import type { SearchCommandOptions } from "../planning/run-search.ts";
import type { ReportOptions } from "../report/run-report.ts";

const DEFAULT_BATCH = 256;

/** `mpo probe`, `emulate`, `search`, `explain` and `report`: from a measurement of this machine to the best config. */
export function addPlanningCommands(program: Command, context: CommandContext): void {
  addProbe(program, context);
  addEmulate(program, context);
  const searching = { search: "choose the best config for a budget, and the ladder", explain: "say why it was chosen" };
  for (const [name, description] of Object.entries(searching)) {
    addBudgetOptions(program.command(name).description(description).argument("<profile>", "what `mpo probe` wrote"))
      .addOption(new Option("--policy <name>", "fullBatch, microBatch, freezing, checkpointing, ...").default("joint"))
      .option("--show <n>", "candidates to show of each reason (explain)", wholeNumber(1), 5)
      .action(async (path: string, options: SearchCommandOptions) => {
        const { runExplain, runSearch } = await import("../planning/run-search.ts");
        await (name === "search" ? runSearch : runExplain)(path, options, context);
      });
  }
  addReport(program, context);
}

/** Adds the options from which `budgetFrom` makes a budget, and the objective. */
export function addBudgetOptions(command: Command): Command {
  return command
    .option("--memory <size>", "what a step may add to the idle process, such as 150MiB", sizeInBytes)
    .option("--memory-total <size>", "instead: what the whole worker process may take", sizeInBytes)
    .requiredOption("--window <duration>", "time for the retraining, such as 60s", durationInMs)
    .option("--objective <name>", "accuracy; or memory or time at (nearly) the best accuracy", "accuracy");
}

function addProbe(program: Command, context: CommandContext): void {
  addSubjectOptions(
    program.command("probe").description("measure a model on this machine, in seconds, and write its profile"),
  )
    .requiredOption("-o, --output <file>", "where the profile goes")
    .option("--method <name>", "how it will be retrained: tent, shot or crossEntropy", "tent")
    .option("--batch <n>", "images in a step (the effective batch)", wholeNumber(1, 65_536), DEFAULT_BATCH)
    .addOption(durationOption("--budget <duration>", "time that the probe may take", "20s"))
    .option("--memory <size>", "what its steps may add to an idle process; a hard limit", sizeInBytes)
    .option("--floor <size>", "stop when the system's free memory falls below (default 256MiB)", sizeInBytes)
    .option("--task <task>", "random numbers, or images: DATASET[:CORRUPTION[:SEVERITY]]", "random")
    .option("--data <folder>", "where the data set lies")
    .option("--samples <n>", "images to adapt to in micro-windows", wholeNumber(1), 512)
    .option("--judge-samples <n>", "other images on which micro-windows are judged", wholeNumber(1), 512)
    .option("--labels", "judge micro-windows by labels, which a device seldom has", false)
    .option("--seed <n>", "decides weights, samples and configs", wholeNumber(0), 1)
    .option("--threads <n>", "threads inside an operation (default: all cores)", wholeNumber(1, 1024))
    .action(async (options: ProbeCommandOptions) => {
      const { runProbe } = await import("../planning/run-probe.ts");
      await runProbe(options, context);
    });
}

function addEmulate(program: Command, context: CommandContext): void {
  const command = program
    .command("emulate")
    .description("predict memory, time and accuracy of one config, without running it")
    .argument("<profile>", "what `mpo probe` wrote");
  addConfigOptions(command, undefined)
    .option("--window <duration>", "predict the accuracy after so much training, such as 60s", durationInMs)
    .action(async (path: string, options: EmulateOptions) => {
      const { runEmulate } = await import("../planning/run-emulate.ts");
      await runEmulate(path, options, context);
    });
}

function addReport(program: Command, context: CommandContext): void {
  addBudgetOptions(
    program
      .command("report")
      .description("write one HTML page that shows what was chosen from a profile, and why")
      .argument("<profile>", "what `mpo probe` wrote"),
  )
    .option("-o, --output <file>", "where the page goes", "report.html")
    .action(async (path: string, options: ReportOptions) => {
      const { runReport } = await import("../report/run-report.ts");
      await runReport(path, options, context);
    });
}
