import { type Command, Option } from "commander";
import type { CommandContext } from "../command-context.ts";
import { ROLES, type Role } from "../doctor/check.ts";
import { addFleetOptions, type FleetOptions } from "../options/fleet-options.ts";

/** `mpo doctor`: what is wrong with this machine. */
export function addDoctorCommand(program: Command, context: CommandContext): void {
  addFleetOptions(program.command("doctor").description("check this machine, and say what is wrong and what to do"))
    .addOption(new Option("--role <name>", "check only what this needs (default: both)").choices(ROLES))
    .addHelpText("after", HELP)
    .action(async (options: FleetOptions & { readonly role?: Role }, command: Command) => {
      const { runDoctor } = await import("../doctor/run-doctor.ts");
      const isCoordinatorNamed = command.getOptionValueSource("coordinator") !== "default";
      await runDoctor({ ...options, isCoordinatorNamed }, context);
    });
}

const HELP = `
Looks at Node, the clock, the disk, memory (limits of control groups, pressure), whether peaks of memory can be metered,
TensorFlow (it runs a real step), its memory cap, nats-server, ports, and whether the coordinator answers. Takes seconds.

Examples:
  mpo doctor
  mpo doctor --role agent --coordinator 192.168.1.10:7443 --json

Exit codes: 0 nothing that is needed is broken (there may be warnings); 4 something is; 2 a wrong option.`;
