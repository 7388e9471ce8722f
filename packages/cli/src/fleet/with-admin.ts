import { randomUUID } from "node:crypto";
import { given, hasCode, MpoError } from "@mpo/core";
import { linkSignals, systemClock } from "@mpo/io";
import { isTransient } from "@mpo/runtime";
import type { AdminClient, CallOptions } from "@mpo/transport";
import type { FleetAccess } from "../access/find-fleet.ts";
import type { Asking, Output, Stop } from "../command-context.ts";
import type { FleetOptions } from "../options/fleet-options.ts";

/** How often a call that only reads is tried: a coordinator that starts again is back within seconds. */
const RETRIES = 3;

/** A coordinator to ask, and what goes with every call: the same request id for all calls of one command. */
export interface AdminSession {
  readonly admin: AdminClient;
  readonly call: CallOptions & { readonly signal: AbortSignal; readonly requestId: string };
  /** Of each coordinator "host:port", with commas between. */
  readonly target: string;
}

/** Asks a coordinator. One that does not answer is an error that says what to do. */
export async function withAdmin<Result>(
  options: FleetOptions,
  context: Asking,
  work: (session: AdminSession) => Promise<Result>,
): Promise<Result> {
  const { findFleet } = await import("../access/find-fleet.ts");
  return await withAccess(await findFleet(options, context, context), context, work);
}

/** The same, of a fleet that the way is known to. */
export async function withAccess<Result>(
  access: FleetAccess,
  { signal, terminal }: Output & Stop,
  work: (session: AdminSession) => Promise<Result>,
): Promise<Result> {
  const { openAdmin } = await import("../access/open-admin.ts");
  const { keepToken } = await import("../access/keep-login.ts");
  const requestId = `cli-${randomUUID()}`;
  const target = access.targets.join(", ");
  terminal.detail(`request ${requestId} to ${target} (${access.from})`);
  let { token } = access;
  const admin = openAdmin(access, RETRIES, () => token);
  using ends = linkSignals(signal);
  const take = (next: string | undefined): void => {
    token = next;
  };
  const keeping = keepToken(access, take, { clock: systemClock, signal: ends.signal });
  try {
    return await work({ admin, target, call: { signal, requestId } });
  } catch (thrown) {
    throw signal.aborted ? thrown : explained(thrown, access);
  } finally {
    admin.close();
    ends.abort();
    await keeping;
  }
}

/** An error of a connection, or of who one is, with the way out; others as they are. */
function explained(thrown: unknown, { targets, from }: FleetAccess): unknown {
  if (isTransient(thrown)) {
    const error = MpoError.from(thrown);
    const message = `the coordinator at ${targets.join(", ")} does not answer: ${error.message}`;
    return error.with({ message, hint: error.hint ?? START_HINT });
  }
  if (!hasCode(thrown, "unauthenticated")) return thrown;
  const hint = from.endsWith(".json")
    ? "Start the coordinator on this machine again: it writes that file anew. Or log in: mpo login."
    : "Log in again, with a line of `mpo access create`: mpo login @FILE. Other fleets that you know: mpo context list.";
  return thrown.with({ message: `${thrown.message} (asked with ${from})`, hint });
}

const START_HINT =
  "Start one with `mpo coordinator`, or say where it is with --coordinator HOST:PORT or MPO_COORDINATOR.";

/** The answers to all pages of a list, in order; the next one is on its way while a page is looked at. */
export async function* pagesOf<Page extends { readonly nextPageToken?: string | undefined }>(
  page: (request: { readonly pageSize: number; readonly pageToken?: string | undefined }) => Promise<Page>,
): AsyncGenerator<Page, void, undefined> {
  const ask = (pageToken?: string): Promise<Page> => {
    const answer = page({ pageSize: PAGE_SIZE, ...given({ pageToken }) });
    // A reader that stops in between does not wait for it.
    answer.catch(() => undefined);
    return answer;
  };
  for (let next: Promise<Page> | undefined = ask(); next !== undefined; ) {
    const answer: Page = await next;
    next = answer.nextPageToken === undefined ? undefined : ask(answer.nextPageToken);
    yield answer;
  }
}

const PAGE_SIZE = 500;
