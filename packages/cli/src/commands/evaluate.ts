import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import type { EvaluateOptions } from "../evaluate/run-evaluate.ts";
import { addDatasetOptions } from "../options/dataset-options.ts";
import { wholeNumber } from "../options/parsers.ts";

/** `mpo evaluate`: how good a stored model is. */
export function addEvaluateCommand(program: Command, context: CommandContext): void {
  const command = program
    .command("evaluate")
    .description("measure the accuracy of a stored model, beside what its card says")
    .requiredOption("--weights <dir>", "folder of the model (what `mpo train` wrote, or any layers model)");
  addDatasetOptions(command)
    .option("--limit <n>", "use only the first N test images", wholeNumber(1))
    .option("--corruptions", "measure it under each of the 15 corruptions at severity 5 too", false)
    .option("--threads <n>", "threads inside an operation (default: all cores)", wholeNumber(1, 1024))
    .action(async (options: EvaluateOptions) => {
      const { runEvaluate } = await import("../evaluate/run-evaluate.ts");
      await runEvaluate(options, context);
    });
}
