import { link, open, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { formatMoment, given, MpoError } from "@mpo/core";
import { fileError, makeFolder, systemClock } from "@mpo/io";
import { FLEET_TENANT, type FleetEvent, type ListEventsResponse } from "@mpo/protocol";
import { isTransient, Waits } from "@mpo/runtime";
import type { Command } from "commander";
import type { Asking, CommandContext, Output } from "../command-context.ts";
import { defineVerify } from "../fleet/verify-events.ts";
import { type AdminSession, withAdmin } from "../fleet/with-admin.ts";
import { addFleetCommand, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { momentInMs, wholeNumber } from "../options/parsers.ts";
import { checkOutput, type ForceOption, forceOption } from "../planning/check-output.ts";

interface RangeOptions extends FleetOptions {
  readonly device?: string;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly since?: number;
  readonly until?: number;
}

interface EventsOptions extends RangeOptions {
  readonly limit?: number;
  readonly follow: boolean;
}

interface ExportOptions extends EventsOptions, ForceOption {
  readonly output: string;
}

const WAITS = { baseMs: 500, capMs: 10_000, random: Math.random };
/** Events of an answer, at most. */
const MOST = 1000;
const USUAL_LIMIT = 50;

const HELP = `
Times are UTC.

Examples:
  mpo events --device pi-7
  mpo events --since 2h
  mpo events --since 2026-03-01 --until 2026-03-02T12:00
  mpo events --follow --json
  mpo events --tenant ${FLEET_TENANT}      who may log in, and which keys there are
  mpo events export --since 30d --output march.ndjson
`;

/** `mpo events`, `export` and `verify`. */
export function define(command: Command, context: CommandContext): void {
  addRange(addFleetCommand(command, HELP))
    .option(
      "--limit <n>",
      `the N newest (default: ${USUAL_LIMIT}, or all with --since or --until)`,
      wholeNumber(1, 10_000_000),
    )
    .option("-f, --follow", "continue with new events until Ctrl-C, also after the coordinator was away", false)
    .action((options: EventsOptions) => showEvents(options, context));
  const describe = "write events to a file, one JSON object a line, oldest first";
  addRange(addFleetCommand(command.command("export").description(describe), EXPORT_HELP))
    .requiredOption("-o, --output <file>", "where they go; the file is there only when it is complete")
    .addOption(forceOption())
    // Options that the command above has too are taken by it, wherever they stand.
    .action((_: ExportOptions, exporting: Command) => exportEvents(exporting.optsWithGlobals(), context));
  defineVerify(command, context);
}

const EXPORT_HELP = "\nExample:\n  mpo events export --since 30d --device pi-7 --output pi-7.ndjson\n";

function addRange(command: Command): Command {
  return command
    .option("--device <name>", "only of this device (default: all)", fleetName)
    .option("--since <when>", "from then on: an age such as 2h or 30d, or a date", momentInMs)
    .option("--until <when>", "up to then", momentInMs);
}

/** Prints what happened in the fleet, oldest first; with `follow` what happens from now on too, until it is stopped. */
async function showEvents(options: EventsOptions, context: Asking): Promise<void> {
  if (options.follow && options.until !== undefined) {
    throw new MpoError("invalid-argument", "--follow never ends, and --until is an end; expected one of them");
  }
  await withAdmin(options, context, async (session) => {
    const last = await printPast(options, session, context);
    if (options.follow) await follow(last, options, session, context);
  });
}

/** Prints the events that were asked for; the result is the place of the last, 0 when there is none. */
async function printPast(options: EventsOptions, session: AdminSession, context: Asking): Promise<number> {
  const { since, until } = options;
  const hasRange = since !== undefined || until !== undefined;
  let last = 0;
  if (options.limit === undefined && hasRange) {
    for await (const event of oldestFirst(options, session)) {
      print(event, context);
      last = event.sequence;
    }
    return last;
  }
  const found = await newest(options.limit ?? USUAL_LIMIT, options, session);
  for (const event of found.toReversed()) print(event, context);
  return found[0]?.sequence ?? 0;
}

/** The newest events, newest first. */
async function newest(
  limit: number,
  options: RangeOptions,
  { admin, call }: AdminSession,
): Promise<readonly FleetEvent[]> {
  const found: FleetEvent[] = [];
  for (let beforeSequence = 0; found.length < limit; ) {
    const pageSize = Math.min(MOST, limit - found.length);
    const { events } = await admin.listEvents({ ...rangeOf(options), beforeSequence, pageSize }, call);
    found.push(...events);
    beforeSequence = events.at(-1)?.sequence ?? 0;
    if (beforeSequence <= 1) break;
  }
  return found;
}

/** All events, oldest first, as the pages come in. */
async function* oldestFirst(
  options: RangeOptions,
  { admin, call }: AdminSession,
): AsyncGenerator<FleetEvent, void, undefined> {
  for (let after: number | undefined = 0; after !== undefined; ) {
    const request = { ...rangeOf(options), beforeSequence: 0, afterSequence: after, pageSize: MOST };
    const answer: ListEventsResponse = await admin.listEvents(request, call);
    yield* answer.events;
    after = answer.nextAfterSequence;
  }
}

/** Writes events to a file that is there only when it is whole. */
async function exportEvents(options: ExportOptions, context: Asking): Promise<void> {
  const { terminal, workingFolder } = context;
  if (options.follow || options.limit !== undefined) {
    throw new MpoError("invalid-argument", "an export has all events of a time; expected neither --follow nor --limit");
  }
  const path = resolve(workingFolder, options.output);
  await checkOutput("--output", options.output, { workingFolder, ...options });
  const partial = `${path}.partial`;
  let count = 0;
  await withAdmin(options, context, async (session) => {
    try {
      await makeFolder(dirname(path));
      await using file = await open(partial, "w");
      let lines: string[] = [];
      const flush = async (): Promise<void> => {
        await file.writeFile(lines.join(""));
        lines = [];
      };
      for await (const event of oldestFirst(options, session)) {
        count += 1;
        if (lines.push(`${JSON.stringify(event)}\n`) === MOST) await flush();
      }
      await flush();
      await file.sync();
      // A link fails where the file was made meanwhile; a rename takes its place.
      await (options.force ? rename : link)(partial, path);
    } catch (thrown) {
      throw fileError(thrown, "write", path);
    } finally {
      await rm(partial, { force: true });
    }
  });
  terminal.record({ event: "exported", events: count, file: path });
  terminal.line(`${count} ${count === 1 ? "event is" : "events are"} in ${options.output}`);
}

/**
 * Prints events after a place as they happen. A connection that breaks is made again, and nothing that happened in
 * between is left out.
 */
async function follow(after: number, options: EventsOptions, session: AdminSession, context: Asking): Promise<void> {
  const { admin, call, target } = session;
  const { terminal, signal } = context;
  let last = after;
  const waits = new Waits(WAITS);
  let isBroken = false;
  while (!signal.aborted) {
    try {
      // Also says whether the coordinator is back.
      const { events } = await admin.listEvents({ ...filterOf(options), beforeSequence: 0, pageSize: MOST }, call);
      const newest = events[0]?.sequence ?? 0;
      if (isBroken) terminal.note(`the coordinator at ${target} is back`);
      isBroken = false;
      waits.succeeded();
      if (newest < last) {
        terminal.note("the coordinator's store went back in time: some of what is above is forgotten there");
        last = newest;
      }
      if (last === 0) {
        // Nothing was there before: all there is now is new. (To watch after place 0 would mean "from now on".)
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
    await systemClock.sleep(waits.next(), { signal }).catch(() => undefined);
  }
}

/** Streams have a longest time; that one is over says nothing about the coordinator. */
function isDeadline(thrown: unknown): boolean {
  return (thrown as { readonly code?: unknown }).code === "timed-out";
}

function filterOf({ tenant, device }: RangeOptions): { readonly tenant: string; readonly device?: string } {
  return { tenant, ...given({ device }) };
}

function rangeOf({ since, until, ...options }: RangeOptions) {
  return { ...filterOf(options), ...given({ sinceMs: since, untilMs: until }) };
}

function print(event: FleetEvent, { terminal }: Output): void {
  const { atMs, kind, device, actor, message } = event;
  terminal.record(event);
  terminal.line(`${formatMoment(atMs)}  ${kind.padEnd(18)}  ${(device ?? "-").padEnd(12)}  ${message}  (${actor})`);
}
