import { formatDuration } from "@mpo/core";
import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { openInBrowser } from "../fleet/open-in-browser.ts";
import { withAdmin } from "../fleet/with-admin.ts";
import { addFleetCommand, type FleetOptions } from "../options/fleet-options.ts";

interface ConsoleOptions extends FleetOptions {
  readonly browser: boolean;
}

export function define(command: Command, context: CommandContext): void {
  addFleetCommand(command.option("--no-browser", "print the link, and open nothing"), HELP).action(
    async (options: ConsoleOptions) => await openConsole(options, context),
  );
}

async function openConsole(options: ConsoleOptions, context: CommandContext): Promise<void> {
  const { terminal, environment, signal } = context;
  const { url, code, validMs } = await withAdmin(options, context, ({ admin, call }) =>
    admin.createConsoleCode({}, call),
  );
  const link = new URL(code === undefined ? "/" : `/#code=${code}`, url).href;
  const isOpen = options.browser && !terminal.json && (await openInBrowser(link, { environment, signal }));
  terminal.record({ event: "console", url, link, ...(code === undefined ? {} : { validMs }) });
  if (isOpen) {
    terminal.line(`the console at ${url} is open in your browser`);
    return;
  }
  // Also with --quiet: without it nobody gets in.
  terminal.complain(`open ${link}`);
  if (code !== undefined) terminal.complain(`it lets you in once, within ${formatDuration(validMs / 1000)}`);
}

const HELP = `
Opens the console with a link that signs you in once, as whom this command is logged in; without a browser it prints the
link. What you may do there is what you may do here. The browser is that of BROWSER, or the desktop's own (xdg-open).

Examples:
  mpo console
  mpo console --no-browser                    for a browser elsewhere: ssh -L 9464:localhost:9464 HOST, and open the link
  mpo console --context berlin
`;
