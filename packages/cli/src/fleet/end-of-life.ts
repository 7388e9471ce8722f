import { formatAge, MpoError } from "@mpo/core";
import type { Command } from "commander";
import type { Asking, CommandContext } from "../command-context.ts";
import { addFleetCommand, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { createListing } from "../output/listing.ts";
import { confirm } from "./confirm.ts";
import { addDeviceFilter, type DeviceFilter, type SelectedDevice, selectDevices, whereOf } from "./select-devices.ts";
import { type AdminSession, withAdmin } from "./with-admin.ts";

interface EndOptions extends DeviceFilter {
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly reason: string;
}

interface RenameOptions extends FleetOptions {
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly reason: string;
}

/** What is done to devices that are gone. */
interface Ending {
  readonly verb: "remove" | "retire";
  readonly done: "removed" | "retired";
  readonly means: string;
  readonly run: (session: AdminSession, device: SelectedDevice["device"], reason: string) => Promise<object>;
}

const REMOVE: Ending = {
  verb: "remove",
  done: "removed",
  means: "its profiles, documents and windows are deleted; its events stay, and it enrols as new if it comes back",
  run: ({ admin, call }, { identity }, reason) => admin.removeDevice({ identity, reason }, call),
};
const RETIRE: Ending = {
  verb: "retire",
  done: "retired",
  means: "it leaves lists, counts and metrics; nothing is deleted, and it is back when its agent is",
  run: ({ admin, call }, { identity }, reason) => admin.retireDevice({ identity, reason }, call),
};

/** `mpo devices remove`, `retire` and `rename`. */
export function defineEndOfLife(devices: Command, context: CommandContext): void {
  for (const ending of [REMOVE, RETIRE]) {
    const { verb, means } = ending;
    const command = devices.command(verb).description(`${verb} devices that are gone: ${means}`);
    const examples = `\nExamples:\n  mpo devices ${verb} pi-7\n  mpo devices ${verb} --label site=berlin --offline-for 30d --dry-run\n`;
    addFleetCommand(command, examples).argument("[devices...]", "their names");
    addDeviceFilter(command);
    if (verb === "remove") command.option("--retired", "only retired ones", false);
    addSafety(command).action((names: readonly string[], options: EndOptions) =>
      endDevices(ending, names, options, context),
    );
  }
  const rename = devices.command("rename").description("give a device another name; profiles and documents go with it");
  addSafety(addFleetCommand(rename, RENAME_HELP))
    .argument("<device>", "its name", fleetName)
    .argument("<new-name>", "its name from now on", fleetName)
    .action((device: string, newName: string, options: RenameOptions) =>
      renameDevice(device, newName, options, context),
    );
}

const RENAME_HELP = `
Stop its agent first, and start it again with --device NEW-NAME and the same --data. Events from before keep the old name, and are listed under the new one too.

Example:
  mpo devices rename pi-7 kitchen
`;

function addSafety(command: Command): Command {
  return command
    .option("--dry-run", "print what would be done, and do nothing", false)
    .option("--yes", "do not ask", false)
    .option("--reason <words>", "why; goes into the events", "");
}

/** Removes or retires the devices that are named, or that the filter chooses. */
async function endDevices(
  ending: Ending,
  names: readonly string[],
  options: EndOptions,
  context: Asking,
): Promise<void> {
  const { verb, done, means } = ending;
  const hasFilter = whereOf(options) !== undefined;
  if (names.length > 0 === hasFilter) {
    const hint = `Give names, or one of --where, --label, --class and --offline-for${verb === "remove" ? " and --retired" : ""}.`;
    throw new MpoError("invalid-argument", `expected either the names of devices to ${verb} or a filter`, { hint });
  }
  const { terminal } = context;
  await withAdmin(options, context, async (session) => {
    const chosen = hasFilter ? await byFilter(options, session) : await byName(names, options, session);
    const listing = createListing(terminal, ["device", "state", "last seen", "class"]);
    for (const { device, nowMs } of chosen) {
      const { identity, presence, lastSeenMs, inventory } = device;
      const cells = [identity.device, presence, formatAge(nowMs - lastSeenMs), inventory.deviceClass];
      listing.row(options.dryRun ? { event: `would-${verb}`, device } : undefined, () => cells);
    }
    listing.end();
    if (chosen.length === 0) terminal.line(`no device to ${verb}`);
    if (chosen.length === 0 || options.dryRun) return;
    const them = chosen.length === 1 ? "this device" : `these ${chosen.length} devices`;
    await confirm(`${verb} ${them} (${means})?`, options, context);
    for (const { device } of chosen) {
      const { device: name } = device.identity;
      terminal.record({ event: done, device: name, ...(await ending.run(session, device, options.reason)) });
      terminal.line(`${done} ${name}`);
    }
  });
}

async function byFilter(options: EndOptions, session: AdminSession): Promise<readonly SelectedDevice[]> {
  const chosen: SelectedDevice[] = [];
  for await (const one of selectDevices(options, session)) chosen.push(one);
  return chosen;
}

async function byName(
  names: readonly string[],
  { tenant }: EndOptions,
  { admin, call }: AdminSession,
): Promise<readonly SelectedDevice[]> {
  const chosen: SelectedDevice[] = [];
  for (const name of new Set(names)) {
    const { device, serverTimeMs } = await admin.getDevice({ identity: { tenant, device: fleetName(name) } }, call);
    chosen.push({ device, nowMs: serverTimeMs });
  }
  return chosen;
}

/** Gives a device another name. */
async function renameDevice(device: string, newName: string, options: RenameOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const { tenant, reason } = options;
  await withAdmin(options, context, async ({ admin, call }) => {
    // Says whether there is such a device, before anybody is asked.
    await admin.getDevice({ identity: { tenant, device } }, call);
    if (options.dryRun) {
      terminal.record({ event: "would-rename", device, newName });
      terminal.line(`would rename ${device} to ${newName}`);
      return;
    }
    await confirm(`rename ${device} to ${newName}?`, options, context);
    const { identity } = await admin.renameDevice({ identity: { tenant, device }, newName, reason }, call);
    terminal.record({ event: "renamed", from: device, identity });
    terminal.line(`renamed ${device} to ${newName}`);
    terminal.line(`next: start its agent with --device ${newName}`);
  });
}
