import type { Command } from "commander";
import { removeContext } from "../access/contexts.ts";
import type { CommandContext } from "../command-context.ts";
import { fleetName } from "../options/fleet-options.ts";

export function define(logout: Command, context: CommandContext): void {
  logout
    .argument("[name]", "of which fleet (default: the one in use)", fleetName)
    .addHelpText("after", HELP)
    .action(async (name: string | undefined) => {
      const removed = await removeContext(name, context, context);
      context.terminal.record({ event: "logged-out", context: removed });
      context.terminal.line(`forgot ${removed} and its token`);
      context.terminal.note("hint: the token is still good; to end it: mpo access list, and mpo access revoke ID");
    });
}

const HELP = `
Forgets a fleet and its token on this machine, as mpo context remove does.

Exit codes: 0 done; 4 there is no such context.`;
