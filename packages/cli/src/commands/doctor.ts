import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { ROLES, type Role } from "../doctor/check.ts";
import { runDoctor } from "../doctor/run-doctor.ts";
import { choice } from "../options/choice.ts";
import { addFleetOptions, type FleetOptions } from "../options/fleet-options.ts";

export function define(doctor: Command, context: CommandContext): void {
  addFleetOptions(doctor)
    .addOption(choice("--role <name>", "check only what this needs (default: both)", ROLES))
    .addHelpText("after", HELP)
    .action((options: FleetOptions & { readonly role?: Role }) => runDoctor(options, context));
}

const HELP = `
Looks at Node, the clock and who keeps it, the disk and its errors, power (Raspberry Pi), memory (limits of control groups,
pressure), whether peaks of memory can be metered, TensorFlow (it runs a real step), its memory cap, nats-server, ports, the
files that hold keys and tokens, and whether the coordinator answers, knows who asks, and has the same time. Takes seconds.
It looks where an agent and a coordinator that start here keep their state, by their config files and the environment.

Examples:
  mpo doctor
  mpo doctor --role agent --coordinator 192.168.1.10:7443 --json

Exit codes: 0 nothing that is needed is broken (there may be warnings); 4 something is; 2 a wrong option.`;
