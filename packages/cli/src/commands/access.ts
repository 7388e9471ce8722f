import { byWhom, formatMoment, given, MpoError } from "@mpo/core";
import { readLoginString } from "@mpo/identity";
import { ROLES, type Role } from "@mpo/protocol";
import type { Command } from "commander";
import { scopeOf } from "../access/who.ts";
import type { Asking, CommandContext } from "../command-context.ts";
import { withAdmin } from "../fleet/with-admin.ts";
import { choice } from "../options/choice.ts";
import { addFleetCommand, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { durationOption } from "../options/parsers.ts";
import { createListing } from "../output/listing.ts";

interface CreateOptions extends FleetOptions {
  readonly role: Role;
  readonly allTenants: boolean;
  readonly bare: boolean;
  /** Milliseconds. */
  readonly expires: number;
}

/** `mpo access create`, `list` and `revoke`: tokens of people and programs. */
export function define(access: Command, context: CommandContext): void {
  const create = access.command("create").description("print a line with which a person or program logs in");
  addFleetCommand(create, HELP)
    .argument("<name>", "who it is for, as events name them")
    .addOption(choice("--role <role>", "what they may do", ROLES).makeOptionMandatory())
    .option("--all-tenants", "of all tenants, and of the fleet itself; else of --tenant alone", false)
    .addOption(durationOption("--expires <duration>", "how long it is good", "90d"))
    .option("--bare", "print the token alone, for programs that send it as a bearer token, such as Prometheus", false)
    .action((name: string, options: CreateOptions) => createAccess(name, options, context));
  const list = access.command("list").description("list who may log in, without their tokens");
  addFleetCommand(list).action((options: FleetOptions) => listAccess(options, context));
  addFleetCommand(access.command("revoke").description("end one, at once"))
    .argument("<id>", "as in mpo access list", fleetName)
    .action(async (id: string, options: FleetOptions) => {
      await withAdmin(options, context, ({ admin, call }) => admin.revokeAccessToken({ id }, call));
      context.terminal.record({ event: "access-revoked", id });
      context.terminal.line(`revoked ${id}: from now on it opens nothing`);
    });
}

const HELP = `
A viewer sees; an operator also changes what devices run; an admin also decides who is part of the fleet.
Whoever has the line is that person: hand it over as you would a password. It is all that goes to standard output.

Examples:
  mpo access create ada --role operator --all-tenants > login.txt
  mpo access create prometheus --role viewer --expires 365d --bare > /etc/prometheus/mpo-token
`;

async function createAccess(name: string, options: CreateOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const { role, allTenants, expires: validMs } = options;
  if (name.length > 64 || name.trim() === "") {
    throw new MpoError("invalid-argument", "expected a name of 1 to 64 characters");
  }
  const tenant = allTenants ? undefined : options.tenant;
  const { loginString, token } = await withAdmin(options, context, ({ admin, call }) =>
    admin.createAccessToken({ name, role, validMs, ...given({ tenant }) }, call),
  );
  const secret = options.bare ? { token: readLoginString(loginString).secret } : { loginString };
  const until = formatMoment(token.expiresAtMs);
  terminal.note(`whoever has it is ${name}: ${role} of ${scopeOf(tenant)} until ${until} UTC`);
  for (const line of Object.values(secret)) terminal.line(line);
  terminal.record({ event: "access-created", ...token, ...secret });
  if (!options.bare)
    terminal.note("next: there, with the line in a file: mpo login @FILE    or, to paste it: mpo login -");
}

async function listAccess(options: FleetOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const { tokens } = await withAdmin(options, context, ({ admin, call }) => admin.listAccessTokens({}, call));
  const listing = createListing(terminal, ["id", "name", "role", "of", "until (UTC)", "made by"]);
  for (const token of tokens) {
    const { id, name, role, tenant, expiresAtMs, createdBy } = token;
    listing.row(token, () => [id, name, role, scopeOf(tenant), formatMoment(expiresAtMs), byWhom(createdBy)]);
  }
  listing.end();
}
