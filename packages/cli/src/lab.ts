import type { Command } from "commander";
import type { CommandContext } from "./command-context.ts";

/** What `@mpo/lab` offers to the command line. */
interface Lab {
  addLabCommands(program: Command, context: CommandContext): void;
}

/** Not a literal, so that the product is built and installed without it. */
const LAB: string = "@mpo/lab";

/**
 * Adds the laboratory's commands (bench, demo, example-app) where it is installed. It is loaded only for them and for
 * the list of all commands: the product's own commands start without it.
 */
export async function addLabCommands(
  program: Command,
  context: CommandContext,
  args: readonly string[],
): Promise<void> {
  const named = args.find((arg) => !arg.startsWith("-"));
  if (program.commands.some((command) => command.name() === named)) return;
  try {
    const lab = (await import(LAB)) as Lab;
    lab.addLabCommands(program, context);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw thrown;
  }
}
