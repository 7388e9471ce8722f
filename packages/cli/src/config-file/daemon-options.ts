import { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import type { AgentCommandOptions } from "../fleet/run-agent-command.ts";
import type { CoordinatorCommandOptions } from "../fleet/run-coordinator-command.ts";
import { settingsHere } from "./config-file.ts";
import type { Setting } from "./settings.ts";

interface Daemons {
  readonly agent: AgentCommandOptions;
  readonly coordinator: CoordinatorCommandOptions;
}

/** Commands that run on, with config files. Their files are loaded only where they are wanted. */
export const DAEMONS = {
  agent: () => import("../commands/agent.ts"),
  coordinator: () => import("../commands/coordinator.ts"),
} as const;
export type DaemonName = keyof Daemons;

/** A daemon's command, with its options. */
export async function daemonCommand(name: DaemonName, context: CommandContext): Promise<Command> {
  const command = new Command(name);
  (await DAEMONS[name]()).define(command, context);
  return command;
}

/**
 * What a daemon would run by here if it were started without options: what others look at, such as its data folder, they
 * find where it does. Throws `invalid-argument` where its environment or config file is wrong.
 */
export async function daemonOptions<Name extends DaemonName>(
  name: Name,
  context: CommandContext,
): Promise<{ readonly path: string | undefined; readonly options: Daemons[Name] }> {
  const { path, settings } = await settingsHere(await daemonCommand(name, context), context);
  const values = settings.map(({ option, value }) => [option.attributeName(), value] as const);
  // Each has what its own definition says.
  return { path, options: Object.fromEntries(values) as unknown as Daemons[Name] };
}

/** What a command's own command line does not say of a daemon's options, its environment and config file say. */
export function takeDaemonOptions(command: Command, name: DaemonName, context: CommandContext): void {
  command.hook("preAction", async (_, called) => {
    const { settings } = await settingsHere(await daemonCommand(name, context), context);
    for (const { option, value } of settings.filter(isSaid)) {
      const key = option.attributeName();
      const isKnown = called.options.some((one) => one.attributeName() === key);
      if (isKnown && called.getOptionValueSource(key) !== "cli") called.setOptionValueWithSource(key, value, "config");
    }
  });
}

function isSaid({ source }: Setting): boolean {
  return source !== "default";
}
