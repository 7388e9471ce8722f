import { byWhom, DEVICE_STATES, type DeviceState, formatAge, formatMoment, formatMs, given, MpoError } from "@mpo/core";
import { EXIT_CODES } from "@mpo/runtime";
import type { Command } from "commander";
import type { Asking, CommandContext, Daemon, Output } from "../command-context.ts";
import { pagesOf, withAdmin } from "../fleet/with-admin.ts";
import { choice } from "../options/choice.ts";
import { addFleetCommand, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { wholeNumber } from "../options/parsers.ts";
import { ROLLOUT_EXIT_CODES } from "../output/exit-code-help.ts";
import { createListing } from "../output/listing.ts";
import { addReason, type ReasonOption } from "./change-rollout.ts";
import { planLines } from "./plan-tables.ts";
import { devicesOf } from "./rollout-devices.ts";
import { rolloutExitCode } from "./rollout-outcome.ts";
import { countWords, DEVICE_HEAD, deviceCells, standLines, statusLines } from "./status-tables.ts";
import { type SeenRollout, waitOption, watchRollout } from "./watch-rollout.ts";

interface StatusOptions extends FleetOptions {
  readonly watch: boolean;
  readonly wait?: number;
  readonly devices: boolean;
  readonly state?: DeviceState;
  /** From 1. */
  readonly wave?: number;
}

interface ListOptions extends FleetOptions {
  readonly active: boolean;
}

/** `mpo rollout status`, `list`, `show` and `remove`. */
export function defineShow(rollout: Command, context: CommandContext): void {
  const status = rollout.command("status").description("show where a rollout stands, and why it does not move");
  addFleetCommand(status, STATUS_HELP)
    .argument("<rollout>", "its name", fleetName)
    .option("--watch", "show how it goes until it is over; Ctrl-C ends the watching alone", false)
    .addOption(waitOption())
    .option("--devices", "list its devices too", false)
    .addOption(
      choice("--state <state>", "only devices in this state (default: all)", DEVICE_STATES).implies({ devices: true }),
    )
    .option("--wave <n>", "only devices of this wave, from 1 (default: all)", wholeNumber(1, 1_000))
    .action((name: string, options: StatusOptions) => showStatus(name, options, context));
  addFleetCommand(rollout.command("list").description("list the rollouts, the newest first"))
    .option("--active", "only those that are under way", false)
    .action((options: ListOptions) => listRollouts(options, context));
  const show = rollout.command("show").description("show a rollout: its file, its plan, and where it stands");
  addFleetCommand(show, "\nExample:\n  mpo rollout show less-memory\n")
    .argument("<rollout>", "its name", fleetName)
    .action((name: string, options: FleetOptions) => showRollout(name, options, context));
  const remove = rollout.command("remove").description("forget a rollout that is planned or over");
  addReason(addFleetCommand(remove, "\nExample:\n  mpo rollout remove less-memory\n"))
    .argument("<rollout>", "its name", fleetName)
    .action((name: string, options: ReasonOption) => removeRollout(name, options, context));
}

const STATUS_HELP = `
${ROLLOUT_EXIT_CODES}

Examples:
  mpo rollout status less-memory --watch
  mpo rollout status less-memory --devices --state failed
  mpo rollout status less-memory --wait 2h
`;

/** Shows where a rollout stands: once, until it is over, or until there is nothing to wait for. */
async function showStatus(name: string, options: StatusOptions, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const { tenant, watch: isWatched, wait: waitMs, state, wave } = options;
  const isFollowed = isWatched || waitMs !== undefined;
  const seen = await withAdmin(options, context, async (session) => {
    const last = isFollowed
      ? await watchRollout({ tenant, name, isWatched, waitMs }, { ...session, terminal })
      : await session.admin.getRollout({ tenant, name }, session.call);
    if (!isFollowed) {
      terminal.record(last.rollout);
      for (const line of statusLines(last.rollout, last.serverTimeMs, context)) terminal.line(line);
    }
    const { length: waves } = last.rollout.waves;
    if (wave !== undefined && wave > waves)
      throw new MpoError("invalid-argument", `there is no wave ${wave} of ${name}; expected 1 to ${waves}`);
    if (options.devices || wave !== undefined) {
      const listing = createListing(terminal, DEVICE_HEAD);
      const filter = given({ state, wave: wave === undefined ? undefined : wave - 1 });
      for await (const { device, nowMs } of devicesOf({ tenant, name }, filter, session))
        listing.row({ event: "device", ...device }, () => deviceCells(device, nowMs));
      listing.end();
    }
    return last;
  });
  if (waitMs !== undefined) endWaiting(seen, waitMs, context);
}

/** Says what became of a rollout that was waited for, in words and by the exit code. */
export function endWaiting(
  { rollout, serverTimeMs }: SeenRollout,
  waitMs: number,
  { terminal, exitWith }: Output & Pick<Daemon, "exitWith">,
): void {
  const { name, phase, waitsFor } = rollout;
  const code = rolloutExitCode(rollout);
  if (code === undefined) {
    const why = waitsFor === undefined ? "" : `; it waits for: ${byWhom(waitsFor)}`;
    throw new MpoError("timed-out", `${name} is still ${phase} after ${formatMs(waitMs)}${why}`, {
      hint: `It continues; see it with: mpo rollout status ${name}`,
    });
  }
  terminal.record({ event: "ended", exitCode: code, rollout });
  for (const line of standLines(rollout, serverTimeMs)) terminal.line(line);
  if (code === EXIT_CODES.ok) return;
  terminal.line(`next: mpo rollout status ${name} --devices`);
  exitWith(code);
}

async function listRollouts({ tenant, active, ...options }: ListOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const listing = createListing(terminal, ["rollout", "is", "since", "wave", "devices", "planned by"]);
  await withAdmin({ tenant, ...options }, context, async ({ admin, call }) => {
    const request = { tenant, ...given({ isActive: active || undefined }) };
    for await (const { rollouts, serverTimeMs } of pagesOf((page) => admin.listRollouts({ ...request, ...page }, call)))
      for (const rollout of rollouts) {
        const { name, phase, sinceMs, wave, waves, counts, plannedBy } = rollout;
        const place = `${Math.min(wave + 1, waves.length)} of ${waves.length}`;
        const since = formatAge(serverTimeMs - sinceMs);
        listing.row(rollout, () => [name, phase, since, place, countWords(counts), byWhom(plannedBy)]);
      }
  });
  const count = listing.end();
  if (count === 0) terminal.line(active ? "no rollout is under way" : "no rollout; next: mpo rollout plan FILE");
}

/** Prints a rollout's file, its plan, and where it stands. */
async function showRollout(name: string, options: FleetOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const { rollout, serverTimeMs } = await withAdmin(options, context, ({ admin, call }) =>
    admin.getRollout({ tenant: options.tenant, name }, call),
  );
  terminal.record(rollout);
  if (terminal.json) return;
  const { stringify } = await import("yaml");
  const { plannedAtMs, plannedBy, startedAtMs, endedAtMs } = rollout;
  const moments = [
    `planned ${formatMoment(plannedAtMs)} UTC by ${byWhom(plannedBy)}`,
    ...(startedAtMs === undefined ? [] : [`started ${formatMoment(startedAtMs)} UTC`]),
    ...(endedAtMs === undefined ? [] : [`ended ${formatMoment(endedAtMs)} UTC`]),
  ];
  terminal.line(stringify(JSON.parse(rollout.spec)).trimEnd());
  for (const line of [
    "---",
    ...planLines(rollout, context),
    moments.join(", "),
    ...statusLines(rollout, serverTimeMs, context),
  ])
    terminal.line(line);
}

async function removeRollout(name: string, options: ReasonOption, context: Asking): Promise<void> {
  const { terminal } = context;
  const { tenant, reason } = options;
  await withAdmin(options, context, ({ admin, call }) => admin.removeRollout({ tenant, name, reason }, call));
  terminal.record({ event: "removed", name });
  terminal.line(`removed ${name}; its devices stay as they are`);
}
