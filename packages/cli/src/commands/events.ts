import { given } from "@mpo/core";
import { systemClock } from "@mpo/io";
import type { FleetEvent } from "@mpo/protocol";
import { backOffSchedule, isTransient } from "@mpo/runtime";
import type { Command } from "commander";
import type { CommandContext, Output, Stop } from "../command-context.ts";
import { type AdminSession, withAdmin } from "../fleet/with-admin.ts";
import { addFleetCommand, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { wholeNumber } from "../options/parsers.ts";

interface EventsOptions extends FleetOptions {
  readonly device?: string;
  readonly limit: number;
  readonly follow: boolean;
}

const WAITS = { baseMs: 500, capMs: 10_000, waits: Number.POSITIVE_INFINITY, random: Math.random } as const;

/** `mpo events`. */
export function define(command: Command, context: CommandContext): void {
  addFleetCommand(command, "\nTimes are UTC.\n\nExamples:\n  mpo events --device pi-7\n  mpo events --follow --json\n")
    .option("--device <name>", "only of this device", fleetName)
    .option("--limit <n>", "the N newest", wholeNumber(1, 1000), 50)
    .option("-f, --follow", "go on with what happens, until Ctrl-C; comes back when the coordinator does", false)
    .action((options: EventsOptions) => showEvents(options, context));
}

/** Prints what happened in the fleet, oldest first; with `follow` what happens from now on too, until it is stopped. */
async function showEvents(options: EventsOptions, context: Output & Stop): Promise<void> {
  await withAdmin(options, context, async (session) => {
    const last = await printNewest(options.limit, options, session, context);
    if (options.follow) await follow(last, options, session, context);
  });
}

/** Prints the newest events; the result is the place of the last, 0 when there is none. */
async function printNewest(
  pageSize: number,
  options: EventsOptions,
  { admin, call }: AdminSession,
  context: Output & Stop,
): Promise<number> {
  const { events } = await admin.listEvents({ ...filterOf(options), beforeSequence: 0, pageSize }, call);
  for (const event of events.toReversed()) print(event, context);
  return events[0]?.sequence ?? 0;
}

/**
 * Prints events behind a place as they happen. A connection that breaks is made again, and nothing that happened in
 * between is left out.
 */
async function follow(
  after: number,
  options: EventsOptions,
  session: AdminSession,
  context: Output & Stop,
): Promise<void> {
  const { admin, call, target } = session;
  const { terminal, signal } = context;
  let last = after;
  let waits = backOffSchedule(WAITS);
  let isBroken = false;
  while (!signal.aborted) {
    try {
      // Also says whether the coordinator is back.
      const { events } = await admin.listEvents({ ...filterOf(options), beforeSequence: 0, pageSize: MOST }, call);
      const newest = events[0]?.sequence ?? 0;
      if (isBroken) terminal.note(`the coordinator at ${target} is back`);
      isBroken = false;
      waits = backOffSchedule(WAITS);
      if (newest < last) {
        terminal.note("the coordinator's store went back in time: some of what is above is forgotten there");
        last = newest;
      }
      if (last === 0) {
        // Nothing was there before: all there is now is new. (To watch behind place 0 would mean "from now on".)
        for (const event of events.toReversed()) print(event, context);
        last = newest;
      }
      for await (const { event } of admin.watchEvents({ ...filterOf(options), afterSequence: last }, call)) {
        print(event, context);
        last = event.sequence;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      if (!isTransient(thrown)) throw thrown;
      if (!isBroken && !isDeadline(thrown)) terminal.note(`the coordinator at ${target} is away; trying again ...`);
      isBroken = !isDeadline(thrown);
    }
    const wait = waits.next();
    if (wait.done !== true) await systemClock.sleep(wait.value, { signal }).catch(() => undefined);
  }
}

const MOST = 1000;

/** Streams have a longest time; that one is over says nothing about the coordinator. */
function isDeadline(thrown: unknown): boolean {
  return (thrown as { readonly code?: unknown }).code === "timed-out";
}

function filterOf({ tenant, device }: EventsOptions): { readonly tenant: string; readonly device?: string } {
  return { tenant, ...given({ device }) };
}

function print(event: FleetEvent, { terminal }: Output): void {
  const { atMs, kind, device, actor, message } = event;
  terminal.record(event);
  const time = new Date(atMs).toISOString().replace("T", " ").slice(0, 19);
  terminal.line(`${time}  ${kind.padEnd(18)}  ${(device ?? "-").padEnd(12)}  ${message}  (${actor})`);
}
