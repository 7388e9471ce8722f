import { formatVersion, given } from "@mpo/core";
import type { DocumentVersion, GetConfigResponse } from "@mpo/protocol";
import type { Command } from "commander";
import type { Asking, CommandContext } from "../command-context.ts";
import { addChangeOptions, type ChangeOptions, failureOf } from "../fleet/change-config.ts";
import { documentLines, ladderTable, observedOf, rejectedTable } from "../fleet/config-tables.ts";
import { definePush } from "../fleet/push-config.ts";
import { withAdmin } from "../fleet/with-admin.ts";
import { addFleetCommand, documentVersion, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { methodTable } from "../planning/prediction-table.ts";

interface ShowOptions extends FleetOptions {
  readonly at?: DocumentVersion;
}

interface RollbackOptions extends ChangeOptions {
  readonly to?: DocumentVersion;
}

const ROLLBACK_HELP =
  '\nExample:\n  mpo config rollback pi-7 --to 1.4 --expect 1.5 --reason "1.5 is too slow" --wait 20s\n';

/** `mpo config show`, `explain`, `push` and `rollback`. */
export function define(config: Command, context: CommandContext): void {
  const show = config.command("show").description("show a device's document: the ladder, predicted and seen");
  addFleetCommand(show)
    .argument("<device>", "its name", fleetName)
    .option("--at <version>", "an older document, such as 1.4 (default: the newest)", documentVersion)
    .action((device: string, options: ShowOptions) => showConfig(device, options, context));
  addFleetCommand(config.command("explain").description("show why a device has the configuration it has"))
    .argument("<device>", "its name", fleetName)
    .action((device: string, options: FleetOptions) => explainConfig(device, options, context));
  const push = "give a device a new document: searched again, or with a configuration of yours";
  definePush(config.command("push").description(push), context);
  const back = config.command("rollback").description("give a device an older document's content, as a new version");
  addChangeOptions(addFleetCommand(back, ROLLBACK_HELP))
    .argument("<device>", "its name", fleetName)
    .option("--to <version>", "to this one (default: the last one before that the device confirmed)", documentVersion)
    .action((device: string, options: RollbackOptions) => rollBackConfig(device, options, context));
}

/** Prints a device's document, its ladder, and what was seen where its rungs ran. */
async function showConfig(device: string, options: ShowOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const identity = { tenant: options.tenant, device };
  const { config, windows } = await withAdmin(options, context, async ({ admin, call }) => {
    // First: it says whether there is such a device.
    const { windows: found } = await admin.getDevice({ identity }, call);
    return { config: await admin.getConfig({ identity, ...given({ version: options.at }) }, call), windows: found };
  });
  const { document, status } = config;
  const rungs = document.rungs.map((rung) => ({ ...rung, observed: observedOf(rung, document.model, windows) }));
  terminal.record({ ...document, rungs, status: status ?? null });
  for (const line of documentLines(document, status)) terminal.line(line);
  terminal.line(ladderTable(terminal, document, { windows, inUse: inUseOf(config) }));
}

/** Prints why a device's document is what it is. */
async function explainConfig(device: string, options: FleetOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const identity = { tenant: options.tenant, device };
  const { why, config, windows } = await withAdmin(options, context, async ({ admin, call }) => {
    const { windows: found } = await admin.getDevice({ identity }, call);
    return {
      why: await admin.explainConfig({ identity }, call),
      config: await admin.getConfig({ identity }, call),
      windows: found,
    };
  });
  const { document, explanation } = why;
  const { considered, overBudget, rejected, methods = [] } = explanation;
  terminal.record({ document, ...explanation, status: config.status ?? null });
  for (const line of documentLines(document, config.status)) terminal.line(line);
  terminal.line(`${considered} configurations were looked at, ${overBudget} of them over the budget`);
  for (const { code, text } of document.reasons) terminal.line(`  ${code}: ${text}`);
  terminal.line(ladderTable(terminal, document, { windows, inUse: inUseOf(config) }));
  if (methods.length > 0) terminal.line(methodTable(terminal, methods));
  if (rejected.length > 0) terminal.line(rejectedTable(terminal, rejected));
}

/** Gives a device an older document's content as a new version. */
async function rollBackConfig(device: string, options: RollbackOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const identity = { tenant: options.tenant, device };
  const failure = await withAdmin(options, context, async (session) => {
    const { admin, call } = session;
    const { to: version, expect: expectedVersion, reason } = options;
    const { document } = await admin.rollbackConfig({ identity, reason, ...given({ version, expectedVersion }) }, call);
    terminal.record({ event: "rolled-back", requestId: call.requestId, document });
    const what = document.reasons.find(({ code }) => code === "rollback")?.text ?? "an older document";
    terminal.line(`pushed ${formatVersion(document.version)} to ${device}: ${what}`);
    return await failureOf(identity, document, options.wait, { ...session, terminal });
  });
  if (failure !== undefined) throw failure;
  terminal.line(`next: mpo config show ${device}`);
}

function inUseOf({ status }: GetConfigResponse): number | undefined {
  return status?.state === "applied" || status?.state === "confirmed" ? status.rung : undefined;
}
