import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { reportFaults } from "../written/report-faults.ts";
import { readRolloutFile } from "./rollout-file.ts";

/** `mpo rollout validate`. */
export function defineValidate(rollout: Command, context: CommandContext): void {
  rollout
    .command("validate")
    .description("say all that is wrong with files of rollouts; asks no coordinator")
    .argument("<file...>", "files in YAML; -: standard input")
    .addHelpText("after", VALIDATE_HELP)
    .action((paths: readonly string[]) => reportFaults(paths, context, (path) => readRolloutFile(path, context)));
}

const VALIDATE_HELP = `
Each mistake is a line: FILE:LINE:COLUMN: what is wrong, and what was expected. For editors: deploy/schemas/rollout.schema.json.

Example:
  mpo rollout validate canary.yaml

Exit codes: 0 all are sound; 2 a wrong argument; 3 a file is not; 4 a file is not there.`;
