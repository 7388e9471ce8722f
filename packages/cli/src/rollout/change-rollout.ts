import { given, type RolloutCommand, type RolloutPhase } from "@mpo/core";
import type { Command } from "commander";
import type { Asking, CommandContext, Output } from "../command-context.ts";
import { type AdminSession, withAdmin } from "../fleet/with-admin.ts";
import { addFleetCommand, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { statusLines } from "./status-tables.ts";
import type { SeenRollout } from "./watch-rollout.ts";

export interface ReasonOption extends FleetOptions {
  readonly reason: string;
}

/** Adds `--reason`. */
export function addReason(command: Command): Command {
  return command.option("--reason <words>", "why; goes into the events", "");
}

const VERBS: readonly (readonly [verb: string, command: RolloutCommand, does: string, reason: string])[] = [
  ["pause", "pause", "hold a rollout; what is in progress ends", "the line is busy today"],
  ["resume", "resume", "let a rollout go on that was paused, or has halted without a verdict", "the sensor is back"],
  [
    "next",
    "next",
    "end the wave that runs, or has halted, without waiting for its dwell and gates",
    "looked at it myself",
  ],
  ["approve", "approve", "let the next wave begin", "the first one looks well"],
  ["stop", "stop", "end a rollout; what it has changed stays", "not needed any more"],
  ["rollback", "roll-back", "give back what its devices had", "the new model is worse at night"],
  ["retry", "retry", "try again those that failed, and only those", "the disks are cleared"],
];

/** Everything that a person may say to a rollout, but its start. */
export function defineVerbs(rollout: Command, context: CommandContext): void {
  for (const [verb, command, does, reason] of VERBS) {
    const help = `\nExample:\n  mpo rollout ${verb} less-memory --reason "${reason}"\n`;
    addReason(addFleetCommand(rollout.command(verb).description(does), help))
      .argument("<rollout>", "its name", fleetName)
      .action((name: string, options: ReasonOption) => sayToRollout(name, command, options, context));
  }
}

async function sayToRollout(
  name: string,
  command: RolloutCommand,
  options: ReasonOption,
  context: Asking,
): Promise<void> {
  const seen = await withAdmin(options, context, (session) => changeRollout({ name, command, ...options }, session));
  printChanged(command, seen, context);
}

export interface RolloutChange extends Pick<ReasonOption, "tenant" | "reason"> {
  readonly name: string;
  readonly command: RolloutCommand;
  /** Only while it is in this phase. */
  readonly expectedPhase?: RolloutPhase;
}

const LONGEST_MS = 120_000;

/** How a call is made that looks at every device of a rollout: of ten thousand, it takes longer than others. */
export function patient({ call }: Pick<AdminSession, "call">): AdminSession["call"] {
  return { ...call, deadlineMs: LONGEST_MS };
}

/** Says something to a rollout; the result is how it stands then. */
export async function changeRollout(
  { tenant, name, command, reason, expectedPhase }: RolloutChange,
  { admin, call }: AdminSession,
): Promise<SeenRollout> {
  const request = { tenant, name, command, reason, ...given({ expectedPhase }) };
  return await admin.changeRollout(request, patient({ call }));
}

export function printChanged(
  command: RolloutCommand,
  { rollout, serverTimeMs }: SeenRollout,
  { terminal }: Output,
): void {
  terminal.record({ event: "changed", command, rollout });
  for (const line of statusLines(rollout, serverTimeMs, { terminal })) terminal.line(line);
  if (rollout.startedAtMs !== undefined) terminal.line(`next: mpo rollout status ${rollout.name} --watch`);
}
