import type { Command } from "commander";
import { whoLines } from "../access/who.ts";
import type { CommandContext } from "../command-context.ts";
import { withAdmin } from "../fleet/with-admin.ts";
import { addFleetCommand, type FleetOptions } from "../options/fleet-options.ts";

export function define(whoami: Command, context: CommandContext): void {
  addFleetCommand(whoami, "\nExamples:\n  mpo whoami\n  mpo whoami --context berlin --json\n").action(
    async (options: FleetOptions) => {
      const { terminal } = context;
      const { who, target } = await withAdmin(options, context, async ({ admin, call, target }) => ({
        who: await admin.whoAmI({}, call),
        target,
      }));
      terminal.record({ coordinator: target, ...who });
      terminal.line(`to the coordinator at ${target} you are`);
      for (const line of whoLines(who)) terminal.line(line);
    },
  );
}
