import { byWhom, formatMoment, given } from "@mpo/core";
import { hostOf, isLoopback } from "@mpo/io";
import type { JoinTokenView } from "@mpo/protocol";
import type { Command } from "commander";
import type { Asking, CommandContext } from "../command-context.ts";
import { withAdmin } from "../fleet/with-admin.ts";
import { repeated } from "../options/address-options.ts";
import { addFleetCommand, type FleetOptions, fleetName, labelOf } from "../options/fleet-options.ts";
import { durationOption, wholeNumber } from "../options/parsers.ts";
import { createListing } from "../output/listing.ts";

interface CreateOptions extends FleetOptions {
  readonly uses: number;
  /** Milliseconds. */
  readonly expires: number;
  readonly device?: string;
  readonly label?: JoinTokenView["labels"];
  readonly accept: boolean;
  readonly count: number;
}

/** `mpo token create`, `list` and `revoke`: lines with which devices join. */
export function define(token: Command, context: CommandContext): void {
  const create = token.command("create").description("print a line with which a device joins the fleet");
  addFleetCommand(create, HELP)
    .option("--uses <n>", "devices that it lets in", wholeNumber(1, 100_000), 1)
    .addOption(durationOption("--expires <duration>", "how long it is good", "10min"))
    .option("--device <name>", "only for the device of this name (default: any that is new)", fleetName)
    .option(
      "--label <name=value>",
      "label of devices that join by it; may be repeated (default: none)",
      repeated(labelOf),
    )
    .option("--accept", "devices are part of the fleet at once; else they wait: mpo devices accept NAME", false)
    .option("--count <n>", "lines to make, one for each device", wholeNumber(1, 1000), 1)
    .action((options: CreateOptions) => createTokens(options, context));
  const list = token.command("list").description("list those that can still be used, without their secrets");
  addFleetCommand(list).action((options: FleetOptions) => listTokens(options, context));
  addFleetCommand(token.command("revoke").description("end one: no further device joins by it"))
    .argument("<id>", "as in mpo token list", fleetName)
    .action(async (id: string, options: FleetOptions) => {
      await withAdmin(options, context, ({ admin, call }) =>
        admin.revokeJoinToken({ tenant: options.tenant, id }, call),
      );
      context.terminal.record({ event: "token-revoked", id });
      context.terminal.line(`revoked ${id}; devices that have joined by it stay`);
    });
}

const HELP = `
Whoever has the line can join: hand it over as you would a password. On the device: mpo agent --join @FILE, or - to paste it.
The line is all that goes to standard output, so that it can be piped into a file.

Examples:
  mpo token create --accept > join.txt
  mpo token create --device pi-7 --label site=berlin --accept
  mpo token create --count 200 --expires 7d --accept > lines.txt
`;

async function createTokens(options: CreateOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const { tenant, count, uses, expires: validMs, device, label: labels = [], accept: isAccepting } = options;
  const order = { tenant, count, uses, validMs, labels, isAccepting, ...given({ device }) };
  const { joinStrings, tokens } = await withAdmin(options, context, ({ admin, call }) =>
    admin.createJoinTokens(order, call),
  );
  // Beside the lines, so that only they are in a file.
  const [first] = tokens;
  if (first !== undefined) terminal.note(`${count === 1 ? "this line lets" : "each line lets"} in ${meaningOf(first)}`);
  joinStrings.forEach((joinString, at) => {
    terminal.line(joinString);
    terminal.record({ event: "token-created", ...tokens[at], joinString });
  });
  if (await isOnlyForHere(joinStrings[0] ?? "")) {
    terminal.note("other machines cannot use it: the coordinator listens on this one alone");
    terminal.note("next: for other machines: mpo coordinator --listen 0.0.0.0:7443, and then make a line again");
  }
  terminal.note(
    "next: on the device, with the line in a file: mpo agent --join @FILE    or, to paste it: mpo agent --join -",
  );
  if (!isAccepting) terminal.note("next: then let it in here: mpo devices pending, and mpo devices accept NAME");
}

async function isOnlyForHere(joinString: string): Promise<boolean> {
  const { readJoinString } = await import("@mpo/identity");
  return readJoinString(joinString).addresses.every((address) => isLoopback(hostOf(address)));
}

function meaningOf({ usesLeft, device, expiresAtMs, isAccepting, labels }: JoinTokenView): string {
  const whom = device ?? (usesLeft === 1 ? "one device" : `${usesLeft} devices`);
  const words = labels.map(({ name, value }) => `${name}=${value}`).join(", ");
  const how = isAccepting ? "" : "; somebody has to accept it";
  return `${whom}${words === "" ? "" : ` (${words})`} until ${formatMoment(expiresAtMs)} UTC${how}`;
}

async function listTokens(options: FleetOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const { tenant } = options;
  const { tokens } = await withAdmin(options, context, ({ admin, call }) => admin.listJoinTokens({ tenant }, call));
  const listing = createListing(terminal, ["id", "uses left", "until (UTC)", "device", "accepts", "labels", "made by"]);
  for (const token of tokens) {
    const { id, usesLeft, expiresAtMs, device, isAccepting, labels, createdBy } = token;
    const words = labels.map(({ name, value }) => `${name}=${value}`).join(", ");
    listing.row(token, () => [
      ...[
        id,
        usesLeft,
        formatMoment(expiresAtMs),
        device ?? "any",
        isAccepting ? "yes" : "no",
        words,
        byWhom(createdBy),
      ],
    ]);
  }
  listing.end();
  if (tokens.length === 0) terminal.line("no line to join with can be used now");
}
