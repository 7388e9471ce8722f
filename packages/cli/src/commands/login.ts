import type { Command } from "commander";
import { readContexts, writeContexts } from "../access/contexts.ts";
import { logIn } from "../access/log-in.ts";
import { secretArgument } from "../access/secret-argument.ts";
import { whoLines } from "../access/who.ts";
import type { Asking, CommandContext } from "../command-context.ts";
import { fleetName } from "../options/fleet-options.ts";
import { FLEET_EXIT_CODES } from "../output/exit-code-help.ts";

interface LoginOptions {
  readonly name?: string;
}

export function define(login: Command, context: CommandContext): void {
  login
    .argument("<line>", "the line of `mpo access create`: @FILE, - for standard input, or the line itself")
    .option("--name <name>", "what this machine calls the fleet (default: the fleet's own name)", fleetName)
    .addHelpText("after", `${HELP}\n${FLEET_EXIT_CODES}`)
    .action((line: string, options: LoginOptions) => logInTo(line, options, context));
}

const HELP = `
The line holds the addresses of coordinators, a token, and the digest of the fleet's authority: whoever else answers there
gets nothing. It is kept in a file that only you can read, mpoptimizer/contexts.json in XDG_CONFIG_HOME or ~/.config.
On a command line others on this machine can read it while it runs, and your shell keeps it: better @FILE, or -.

Examples:
  mpo login @login.txt
  mpo login - --name berlin
`;

async function logInTo(argument: string, { name }: LoginOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const { fleet, context: kept, ...who } = await logIn(await secretArgument(argument, context, context), context);
  const called = name ?? fleet;
  const { all } = await readContexts(context, context);
  await writeContexts({ current: called, all: new Map(all).set(called, kept) }, context, context);
  const { coordinators, tenant } = kept;
  terminal.record({ event: "logged-in", context: called, fleet, ...who, tenant: tenant ?? null, coordinators });
  terminal.line(`logged in to ${called}, at ${coordinators.join(", ")}`);
  for (const line of whoLines({ ...who, tenant })) terminal.line(line);
  terminal.line("next: mpo devices list");
}
