import { formatMoment } from "@mpo/core";
import { fingerprintOf, validityOf } from "@mpo/identity";
import type { Command } from "commander";
import { contextNamed, readContexts, removeContext, writeContexts } from "../access/contexts.ts";
import { scopeOf } from "../access/who.ts";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { fleetName } from "../options/fleet-options.ts";
import { createListing } from "../output/listing.ts";

/** `mpo context list`, `use`, `show` and `remove`. */
export function define(command: Command, context: CommandContext): void {
  command
    .command("list")
    .description("list the fleets that you have logged in to")
    .action(() => list(context));
  command
    .command("use")
    .description("let commands ask this fleet from now on")
    .argument("<name>", "its name", fleetName)
    .action(async (name: string) => {
      const contexts = await readContexts(context, context);
      contextNamed(contexts, name);
      await writeContexts({ ...contexts, current: name }, context, context);
      context.terminal.record({ event: "context-in-use", context: name });
      context.terminal.line(`commands ask ${name} from now on`);
    });
  command
    .command("show")
    .description("show one: its coordinators and its authorities, not its token")
    .argument("[name]", "its name (default: the one in use)", fleetName)
    .action((name: string | undefined) => show(name, context));
  command
    .command("remove")
    .description("forget one, with its token")
    .argument("<name>", "its name", fleetName)
    .action(async (name: string) => {
      await removeContext(name, context, context);
      context.terminal.record({ event: "context-removed", context: name });
      context.terminal.line(`forgot ${name} and its token`);
    });
  command.addHelpText("after", HELP);
}

const HELP = `
A context is a fleet that you have logged in to: mpo login. MPO_CONTEXT or --context name another one for one command.

Examples:
  mpo context list
  mpo context use berlin

Exit codes: 0 done; 4 there is no such context, or others can read the file.`;

async function list(context: Output & Files & Stop): Promise<void> {
  const { terminal } = context;
  const { all, current } = await readContexts(context, context);
  const listing = createListing(terminal, ["context", "coordinators", "tenant", "in use"]);
  for (const [name, { coordinators, tenant }] of all) {
    const isCurrent = name === current;
    listing.row({ context: name, coordinators, tenant: tenant ?? null, isCurrent }, () => [
      ...[name, coordinators.join(", "), tenant ?? "all", isCurrent ? "yes" : ""],
    ]);
  }
  listing.end();
  if (all.size === 0) terminal.line("none: log in to a fleet with mpo login");
}

async function show(named: string | undefined, context: Output & Files & Stop): Promise<void> {
  const { terminal } = context;
  const contexts = await readContexts(context, context);
  const [name, { coordinators, caPem, tenant }] = contextNamed(contexts, named);
  const { notAfterMs } = validityOf(caPem);
  const authority = { digest: fingerprintOf(caPem), endsAtMs: notAfterMs };
  terminal.record({ context: name, coordinators, tenant: tenant ?? null, authority });
  terminal.line(`${name}: ${coordinators.join(", ")}, ${scopeOf(tenant)}`);
  terminal.line(`  authority ${authority.digest}, until ${formatMoment(notAfterMs)} UTC`);
}
