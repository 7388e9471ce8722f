import { formatMoment, given, MpoError } from "@mpo/core";
import type { VerifyEventsResponse } from "@mpo/protocol";
import type { Command } from "commander";
import type { Asking, CommandContext } from "../command-context.ts";
import { addFleetCommand, type FleetOptions } from "../options/fleet-options.ts";
import { momentInMs } from "../options/parsers.ts";
import { withAdmin } from "./with-admin.ts";

interface VerifyOptions extends FleetOptions {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly since?: number;
  /** Those of `mpo events`, which do not go with it. */
  readonly device?: string;
  readonly until?: number;
  readonly limit?: number;
  readonly follow: boolean;
}

const LONGEST_MS = 3_600_000;

const HELP = `
Each event holds the hash of events before it. What is checked is all tenants' events; findings name places, not contents.
With a finding the exit code is 4. A store that was restored from an older copy is found too: events are missing.

Examples:
  mpo events verify
  mpo events verify --since 30d --json
`;

/** `mpo events verify`. */
export function defineVerify(events: Command, context: CommandContext): void {
  const describe = "check that no event was changed, removed, moved or put in since it was written";
  addFleetCommand(events.command("verify").description(describe), HELP)
    .option("--since <when>", "only events from then on: an age such as 2h or 30d, or a date", momentInMs)
    // Options that the command above has too are taken by it, wherever they stand.
    .action((_: VerifyOptions, verifying: Command) => verifyEvents(verifying.optsWithGlobals(), context));
}

/** Prints what is not as it was written, and how far it could be checked. */
async function verifyEvents(options: VerifyOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const { since, device, until, limit, follow } = options;
  if (device !== undefined || until !== undefined || limit !== undefined || follow) {
    throw new MpoError("invalid-argument", "a part of the events proves nothing; expected no other limit than --since");
  }
  let count = 0;
  let sums: VerifyEventsResponse | undefined;
  await withAdmin(options, context, async ({ admin, call }) => {
    const request = given({ sinceMs: since });
    for await (sums of admin.verifyEvents(request, { ...call, deadlineMs: LONGEST_MS })) {
      count += sums.findings.length;
      for (const finding of sums.findings) {
        terminal.record({ event: "finding", ...finding });
        terminal.line(`${finding.kind}  event ${finding.sequence}: ${finding.message}`);
      }
      terminal.detail(`${sums.entries} events are checked`);
    }
  });
  if (sums === undefined || !sums.isDone) {
    throw new MpoError("unavailable", "the coordinator ended before all events were checked", { hint: "Try again." });
  }
  const { findings: _, isDone: __, ...rest } = sums;
  terminal.record({ event: "verified", findings: count, ...rest });
  for (const line of inWords(rest)) terminal.line(line);
  if (count > 0) {
    throw new MpoError("precondition-failed", `${count} ${count === 1 ? "finding" : "findings"}: see above`, {
      hint: "Compare with an export from before: mpo events export. Was the store restored from a copy?",
    });
  }
}

function inWords(sums: Omit<VerifyEventsResponse, "findings" | "isDone">): readonly string[] {
  const { entries, writers, unchained, unsealed, firstSequence, firstAtMs = 0, lastSequence, lastAtMs = 0 } = sums;
  if (firstSequence === undefined) return ["there are no events to check"];
  return [
    `checked ${entries} events, ${firstSequence} to ${lastSequence}, written in ${writers} ${writers === 1 ? "start" : "starts"} of coordinators`,
    `  from ${formatMoment(firstAtMs)} to ${formatMoment(lastAtMs)} UTC; what is older is removed after 400 days`,
    ...(unchained === 0 ? [] : [`  ${unchained} are from before events were linked`]),
    ...(unsealed === 0 ? [] : [`  ${unsealed} are not signed: whoever can write to the store could have made them`]),
  ];
}
