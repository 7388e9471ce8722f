import { join, resolve } from "node:path";
import { NATS_FILES, prepareNats } from "@mpo/coordinator";
import { writePrivateFile } from "@mpo/identity";
import type { Command } from "commander";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { takeDaemonOptions } from "../config-file/daemon-options.ts";
import { asOwner } from "../fleet/as-owner.ts";
import { coordinatorFolder } from "../fleet/coordinator-places.ts";

interface SetupOptions {
  readonly data?: string;
  readonly output?: string;
}

/** `mpo nats setup`. */
export function define(nats: Command, context: CommandContext): void {
  takeDaemonOptions(nats, "coordinator", context);
  nats
    .command("setup")
    .description("print or write what NATS servers of others need, so that they serve a fleet")
    .option(
      "--data <folder>",
      "the coordinator's, with the fleet's keys; made if it is new (default: as for mpo coordinator)",
    )
    .option("-o, --output <folder>", "write the files of a server there (default: print its configuration)")
    .addHelpText("after", HELP)
    .action((options: SetupOptions) => setup(options, context));
}

const HELP = `
The coordinator starts a server of its own, and needs none of this. For a cluster: give each server what is printed, and the
certificate and key that --output writes; then: mpo coordinator --nats tls://a:4222. It checks all of it when it starts.

Examples:
  mpo nats setup
  mpo nats setup --data /var/lib/mpo --output nats-files

Exit codes: 0 done; 4 others can read the fleet's keys; 130 interrupted.`;

async function setup({ data, output }: SetupOptions, context: Files & Output & Stop): Promise<void> {
  const { terminal, workingFolder, signal } = context;
  const place = coordinatorFolder(data, context);
  const folder = join(place, "authority");
  const { isNew, fleet, config, serverPem, coordinatorCreds } = await asOwner(place, () =>
    prepareNats(folder, { signal }),
  );
  if (isNew) terminal.note(`made the keys of a new fleet in ${folder}: start its first coordinator with this folder`);
  terminal.record({ event: "nats-setup", fleet, config, folder: output ?? null });
  if (output === undefined) return terminal.line(config.trimEnd());
  const files = { "fleet.conf": config, [NATS_FILES.pairFile]: serverPem, "coordinator.creds": coordinatorCreds };
  for (const [name, content] of Object.entries(files)) {
    await writePrivateFile(join(resolve(workingFolder, output), name), content, { signal });
  }
  terminal.line(`wrote ${Object.keys(files).join(", ")} to ${output}; all but fleet.conf are secret`);
  terminal.line("next: include fleet.conf in the configuration of each server, and start them again");
}
