import type { GetConfigResponse } from "@mpo/protocol";
import type { CommandContext } from "../command-context.ts";
import { type FleetOptions, formatVersion, type VersionOption } from "../options/fleet-options.ts";
import { documentLines, ladderTable, observedOf, rejectedTable } from "./config-tables.ts";
import { withAdmin } from "./with-admin.ts";

/** The options of `mpo config show`. */
export interface ShowConfigOptions extends FleetOptions {
  readonly at?: VersionOption;
}

/** The options of `mpo config rollback`. */
export interface RollbackOptions extends FleetOptions {
  readonly to?: VersionOption;
  readonly reason: string;
}

/** Prints a device's document, its ladder, and what was seen where its rungs ran. */
export async function showConfig(device: string, options: ShowConfigOptions, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const identity = { tenant: options.tenant, device };
  const { config, windows } = await withAdmin(options, context, async ({ admin, call }) => {
    // First: it says whether there is such a device.
    const { windows: found } = await admin.getDevice({ identity }, call);
    const version = options.at === undefined ? {} : { version: options.at };
    return { config: await admin.getConfig({ identity, ...version }, call), windows: found };
  });
  const { document, status } = config;
  const rungs = document.rungs.map((rung) => ({ ...rung, observed: observedOf(rung, document.model, windows) }));
  terminal.record({ ...document, rungs, status: status ?? null });
  for (const line of documentLines(document, status)) terminal.line(line);
  terminal.line(ladderTable(terminal, document, { windows, inUse: inUseOf(config) }));
}

/** Prints why a device's document is what it is. */
export async function explainConfig(device: string, options: FleetOptions, context: CommandContext): Promise<void> {
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
  const { document, considered, overBudget, rejected } = why;
  terminal.record({ ...why, status: config.status ?? null });
  for (const line of documentLines(document, config.status)) terminal.line(line);
  terminal.line(`${considered} configurations were looked at, ${overBudget} of them over the budget`);
  for (const { code, text } of document.reasons) terminal.line(`  ${code}: ${text}`);
  terminal.line(ladderTable(terminal, document, { windows, inUse: inUseOf(config) }));
  if (rejected.length > 0) terminal.line(rejectedTable(terminal, rejected));
}

/** Gives a device an older document's content as a new version. */
export async function rollBackConfig(device: string, options: RollbackOptions, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const identity = { tenant: options.tenant, device };
  const { document, requestId } = await withAdmin(options, context, async ({ admin, call }) => {
    const version = options.to === undefined ? {} : { version: options.to };
    const answer = await admin.rollbackConfig({ identity, ...version, reason: options.reason }, call);
    return { ...answer, requestId: call.requestId };
  });
  terminal.record({ event: "rolled-back", requestId, document });
  const { reasons, version } = document;
  const what = reasons.find(({ code }) => code === "rollback")?.text ?? "an older document";
  terminal.line(`pushed ${formatVersion(version)} to ${device}: ${what}`);
  terminal.line(`next: mpo config show ${device}`);
}

function inUseOf({ status }: GetConfigResponse): number | undefined {
  return status?.state === "applied" || status?.state === "confirmed" ? status.rung : undefined;
}
