import { byWhom, formatMoment, MpoError } from "@mpo/core";
import type { GroupView } from "@mpo/protocol";
import type { Command } from "commander";
import type { Asking, CommandContext } from "../command-context.ts";
import { filterText } from "../fleet/select-devices.ts";
import { withAdmin } from "../fleet/with-admin.ts";
import { addFleetCommand, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { createListing } from "../output/listing.ts";
import { createTable } from "../output/table.ts";

interface SaveOptions extends FleetOptions {
  readonly where: string;
  readonly description: string;
}

/** `mpo groups list`, `show`, `save` and `remove`. */
export function define(groups: Command, context: CommandContext): void {
  addFleetCommand(groups.command("list").description("list the groups, and how many devices are in each")).action(
    (options: FleetOptions) => listGroups(options, context),
  );
  const show = groups.command("show").description("show one group: its filter, and who saved it");
  addFleetCommand(show, "\nExample:\n  mpo groups show berlin\n")
    .argument("<group>", "its name", fleetName)
    .action((name: string, options: FleetOptions) => showGroup(name, options, context));
  addFleetCommand(groups.command("save").description("save a filter under a name, or change it"), SAVE)
    .argument("<group>", "its name", fleetName)
    .requiredOption("--where <filter>", "which devices belong to it", filterText)
    .option("--description <words>", "what it is for", "")
    .action((name: string, options: SaveOptions) => saveGroup(name, options, context));
  const remove = groups.command("remove").description("forget a group; its devices stay");
  addFleetCommand(remove, "\nExample:\n  mpo groups remove berlin\n")
    .argument("<group>", "its name", fleetName)
    .action((name: string, options: FleetOptions) => removeGroup(name, options, context));
}

const SAVE = `
A group is a filter: devices that it chooses belong to it, those too that come later. Other filters name it: group = berlin.

Examples:
  mpo groups save berlin --where 'label.site = berlin'
  mpo groups save small --where 'memory < 2GiB and not gpu' --description "first to see a change"
  mpo devices list --where 'group = berlin and not group = small'
`;

async function listGroups(options: FleetOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const groups = await groupsOf(options, context);
  const listing = createListing(terminal, ["group", "devices", "filter", "for"]);
  for (const group of groups) listing.row(group, () => [group.name, countOf(group), group.where, group.description]);
  listing.end();
  if (groups.length === 0) terminal.line("no group; next: mpo groups save NAME --where FILTER");
}

async function showGroup(name: string, options: FleetOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const group = (await groupsOf(options, context)).find((one) => one.name === name);
  if (group === undefined) {
    throw new MpoError("not-found", `there is no group ${name} of tenant ${options.tenant}`, {
      hint: "List those that are saved: mpo groups list.",
    });
  }
  terminal.record(group);
  const table = createTable(terminal, [], { compact: true });
  table.push(
    ["group", `${name} (tenant ${options.tenant})`],
    ["filter", group.where],
    ["for", group.description || "nobody has said"],
    ["devices", countOf(group)],
    ["saved", `${formatMoment(group.savedAtMs)} UTC, by ${byWhom(group.savedBy)}`],
  );
  terminal.line(table.toString());
  terminal.line(`next: mpo devices list --where 'group = ${name}'`);
}

async function saveGroup(name: string, options: SaveOptions, context: Asking): Promise<void> {
  const { tenant, where, description } = options;
  const { group } = await withAdmin(options, context, ({ admin, call }) =>
    admin.saveGroup({ tenant, name, where, description }, call),
  );
  context.terminal.record({ event: "group-saved", ...group });
  context.terminal.line(`group ${name} has ${countOf(group)} ${group.deviceCount === 1 ? "device" : "devices"} now`);
}

async function removeGroup(name: string, options: FleetOptions, context: Asking): Promise<void> {
  const { tenant } = options;
  await withAdmin(options, context, ({ admin, call }) => admin.removeGroup({ tenant, name }, call));
  context.terminal.record({ event: "group-removed", name });
  context.terminal.line(`removed group ${name}`);
}

async function groupsOf(options: FleetOptions, context: Asking): Promise<readonly GroupView[]> {
  const { tenant } = options;
  return (await withAdmin(options, context, ({ admin, call }) => admin.listGroups({ tenant }, call))).groups;
}

function countOf({ deviceCount }: GroupView): string {
  return deviceCount === undefined ? "its filter cannot be read" : String(deviceCount);
}
