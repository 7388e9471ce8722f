import type { Command } from "commander";
import type { Asking, CommandContext } from "../command-context.ts";
import { addFleetCommand, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { withAdmin } from "./with-admin.ts";

interface DecideOptions extends FleetOptions {
  readonly keep: string;
  readonly reason: string;
}

const HELP = `
Both agents are in the condition "doubled" of mpo devices show, with machine, boot, agent and address. The other one stays parked, also when it is started again: it gets no configuration, and its reports are only events. Give it another name with --device NAME and an empty --data folder, or switch it off.

Example:
  mpo devices decide pi-7 --keep 3f9a
`;

/** `mpo devices decide`. */
export function defineDecide(devices: Command, context: CommandContext): void {
  const describe = "say which of two agents under one name is the device, such as after a disk was copied";
  addFleetCommand(devices.command("decide").description(describe), HELP)
    .argument("<device>", "its name", fleetName)
    .requiredOption("--keep <agent>", "the agent that is the device, or how its name begins", fleetName)
    .option("--reason <words>", "why; goes into the events", "")
    .action((device: string, options: DecideOptions) => decideDevice(device, options, context));
}

async function decideDevice(device: string, options: DecideOptions, context: Asking): Promise<void> {
  const { tenant, keep, reason } = options;
  const { kept, parked } = await withAdmin(options, context, ({ admin, call }) =>
    admin.decideDevice({ identity: { tenant, device }, keep, reason }, call),
  );
  context.terminal.record({ event: "decided", device, kept, parked });
  context.terminal.line(`${device} is the ${kept}`);
  context.terminal.line(`parked: ${parked}`);
}
