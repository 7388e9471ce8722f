import { MpoError } from "@mpo/core";
import type { Command } from "commander";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { counted } from "./plan-tables.ts";
import { faultLines, readRolloutFile } from "./rollout-file.ts";

/** `mpo rollout validate`. */
export function defineValidate(rollout: Command, context: CommandContext): void {
  rollout
    .command("validate")
    .description("say all that is wrong with files of rollouts; asks no coordinator")
    .argument("<file...>", "files in YAML; -: standard input")
    .addHelpText("after", VALIDATE_HELP)
    .action((paths: readonly string[]) => validateRollouts(paths, context));
}

const VALIDATE_HELP = `
Each mistake is a line: FILE:LINE:COLUMN: what is wrong, and what was expected. For editors: deploy/schemas/rollout.schema.json.

Example:
  mpo rollout validate canary.yaml

Exit codes: 0 all are sound; 2 a wrong argument; 3 a file is not; 4 a file is not there.`;

/** Says all that is wrong with some files. */
async function validateRollouts(
  paths: readonly string[],
  context: Pick<Files, "workingFolder"> & Output & Stop,
): Promise<void> {
  const { terminal } = context;
  let mistakes = 0;
  for (const path of paths) {
    const file = await readRolloutFile(path, context);
    mistakes += file.faults.length;
    if (file.faults.length === 0) terminal.line(`${file.place}: sound`);
    for (const line of faultLines(file)) terminal.line(line);
    terminal.record({ file: file.place, isSound: file.faults.length === 0, mistakes: file.faults });
  }
  if (mistakes > 0)
    throw new MpoError("invalid-data", `${counted(mistakes, "mistake")} in ${counted(paths.length, "file")}`);
}
