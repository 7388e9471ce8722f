import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";

/** `mpo models`: what the zoo has. */
export function addModelsCommand(program: Command, context: CommandContext): void {
  program
    .command("models")
    .description("list the models that can be built by name")
    .action(async () => {
      const { listModels } = await import("../models/list-models.ts");
      listModels(context);
    });
}
