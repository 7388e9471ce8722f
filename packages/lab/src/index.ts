import type { CommandContext } from "@mpo/cli";
import type { Command } from "commander";
import { addBenchCommand } from "./commands/bench.ts";
import { addDemoCommand } from "./commands/demo.ts";
import { addExampleAppCommand } from "./commands/example-app.ts";

/** Adds the laboratory's commands to the command line. Each loads what it needs when it runs. */
export function addLabCommands(program: Command, context: CommandContext): void {
  for (const add of [addDemoCommand, addExampleAppCommand, addBenchCommand]) add(program, context);
}
