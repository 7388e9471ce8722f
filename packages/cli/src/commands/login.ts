import { MpoError } from "@mpo/core";
import type { Command } from "commander";
import { readContexts, writeContexts } from "../access/contexts.ts";
import { type LoggedIn, logIn } from "../access/log-in.ts";
import type { Whereto } from "../access/log-in-by-oidc.ts";
import { secretArgument } from "../access/secret-argument.ts";
import { whoLines } from "../access/who.ts";
import type { Asking, CommandContext } from "../command-context.ts";
import { contextOption, coordinatorOption, fleetName } from "../options/fleet-options.ts";
import { FLEET_EXIT_CODES } from "../output/exit-code-help.ts";

interface LoginOptions extends Whereto {
  readonly oidc: boolean;
  readonly name?: string;
}

export function define(login: Command, context: CommandContext): void {
  login
    .argument("[line]", "the line of `mpo access create`: @FILE, - for standard input, or the line itself")
    .option("--oidc", "log in with an account of the fleet's OpenID provider: without a line", false)
    .addOption(coordinatorOption("with --oidc: a coordinator of the fleet (default: as for other commands)"))
    .addOption(contextOption("with --oidc: a fleet that you have logged in to before"))
    .option("--ca <file>", "with --oidc: the fleet's authority, of `mpo ca export` (default: as this machine knows it)")
    .option("--name <name>", "what this machine calls the fleet (default: the fleet's own name)", fleetName)
    .addHelpText("after", `${HELP}\n${FLEET_EXIT_CODES}`)
    .action((line: string | undefined, options: LoginOptions) => logInTo(line, options, context));
}

const HELP = `
The line holds the addresses of coordinators, a token, and the digest of the fleet's authority: whoever else answers there
gets nothing. It is kept in a file that only you can read, mpoptimizer/contexts.json in XDG_CONFIG_HOME or ~/.config.
On a command line others on this machine can read it while it runs, and your shell keeps it: better @FILE, or -.

With --oidc a page of the OpenID provider that the coordinator names asks who you are, in any browser; what you may do goes
by your groups there. The login is renewed as long as the provider allows it.

Examples:
  mpo login @login.txt
  mpo login - --name berlin
  mpo login --oidc --coordinator 192.168.1.10:7443 --ca fleet-ca.pem
  mpo login --oidc --context berlin
`;

async function logInTo(line: string | undefined, options: LoginOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const { fleet, context: kept, ...who } = await loggedIn(line, options, context);
  const called = options.name ?? fleet;
  const { all } = await readContexts(context, context);
  await writeContexts({ current: called, all: new Map(all).set(called, kept) }, context, context);
  const { coordinators, tenant } = kept;
  terminal.record({ event: "logged-in", context: called, fleet, ...who, tenant: tenant ?? null, coordinators });
  terminal.line(`logged in to ${called}, at ${coordinators.join(", ")}`);
  for (const line of whoLines({ ...who, tenant })) terminal.line(line);
  terminal.line("next: mpo devices list");
}

async function loggedIn(line: string | undefined, options: LoginOptions, context: Asking): Promise<LoggedIn> {
  if (options.oidc === (line !== undefined)) {
    throw new MpoError("invalid-argument", "one way to log in is needed: a line, or --oidc", {
      hint: "mpo login @FILE, with the line that `mpo access create` printed; or mpo login --oidc.",
    });
  }
  if (line !== undefined) return await logIn(await secretArgument(line, context, context), context);
  const { logInByOidc } = await import("../access/log-in-by-oidc.ts");
  return await logInByOidc(options, context);
}
