import { ifFound } from "@mpo/io";
import type { Command } from "commander";
import { refreshContext } from "../access/contexts.ts";
import { whoLines } from "../access/who.ts";
import type { CommandContext } from "../command-context.ts";
import { withAdmin } from "../fleet/with-admin.ts";
import { addFleetCommand, type FleetOptions } from "../options/fleet-options.ts";

export function define(whoami: Command, context: CommandContext): void {
  addFleetCommand(whoami, HELP).action(async (options: FleetOptions) => {
    const { terminal } = context;
    const { who, target, trusted } = await withAdmin(options, context, async ({ admin, call, target }) => ({
      ...{ who: await admin.whoAmI({}, call), target },
      // Where nobody proves who they are there is none.
      trusted: await ifFound(admin.getAuthority({}, call), "precondition-failed"),
    }));
    if (trusted !== undefined) await refreshContext(options, trusted.certificates, context, context);
    terminal.record({ coordinator: target, ...who });
    terminal.line(`to the coordinator at ${target} you are`);
    for (const line of whoLines(who)) terminal.line(line);
  });
}

const HELP = `
Also takes over the fleet's authorities into the context: once, within two weeks after mpo ca rotate, is enough.

Examples:
  mpo whoami
  mpo whoami --context berlin --json
`;
