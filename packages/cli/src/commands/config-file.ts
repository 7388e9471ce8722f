import { basename } from "node:path";
import { MpoError } from "@mpo/core";
import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { checkConfigFile } from "../config-file/config-file.ts";
import { DAEMONS, type DaemonName, daemonCommand } from "../config-file/daemon-options.ts";
import { choice } from "../options/choice.ts";
import { reportFaults } from "../written/report-faults.ts";
import { placeOf } from "../written/written-file.ts";

const NAMES = Object.keys(DAEMONS) as readonly DaemonName[];

/** `mpo config-file`. */
export function define(command: Command, context: CommandContext): void {
  command
    .command("check")
    .description("say all that is wrong with config files; reads nothing else, and asks no coordinator")
    .argument("<file...>", "files in TOML; -: standard input")
    .addOption(choice("--for <command>", "whose files they are (default: by the files' names)", NAMES))
    .addHelpText("after", HELP)
    .action((paths: readonly string[], { for: named }: { readonly for?: DaemonName }) =>
      reportFaults(paths, context, async (path) => {
        const owner = await daemonCommand(named ?? nameIn(path), context);
        return { place: placeOf(path), faults: await checkConfigFile(path, owner, context) };
      }),
    );
}

function nameIn(path: string): DaemonName {
  const [name, other] = NAMES.filter((one) => basename(path).includes(one));
  if (name !== undefined && other === undefined) return name;
  throw new MpoError("invalid-argument", `the name of ${placeOf(path)} does not say whose config file it is`, {
    hint: `Say it: --for ${NAMES.join(", or --for ")}.`,
  });
}

const HELP = `
A config file has the options of mpo agent or mpo coordinator, without their dashes, one a line: window = "10min". What may
be repeated is a list: label = ["site=berlin", "line=3"]. Paths count from the file's folder. Each mistake is a line:
FILE:LINE:COLUMN: what is wrong, and what was expected.

Examples:
  mpo config-file check /etc/mpo/agent.toml
  mpo config-file check board.toml --for agent

Exit codes: 0 all are sound; 2 a wrong argument; 3 a file is not; 4 a file is not there.`;
