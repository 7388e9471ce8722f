import { randomUUID } from "node:crypto";
import { given, MpoError } from "@mpo/core";
import { isTransient } from "@mpo/runtime";
import type { AdminClient, CallOptions } from "@mpo/transport";
import type { Output, Stop } from "../command-context.ts";
import { targetOf } from "../options/address-options.ts";
import type { FleetOptions } from "../options/fleet-options.ts";

/** How often a call that only reads is tried: a coordinator that starts again is back within seconds. */
const RETRIES = 3;

/** A coordinator to ask, and what goes with every call: the same request id for all calls of one command. */
export interface AdminSession {
  readonly admin: AdminClient;
  readonly call: CallOptions & { readonly signal: AbortSignal; readonly requestId: string };
  /** "host:port". */
  readonly target: string;
}

/** Asks a coordinator. One that does not answer is an error that says what to do. */
export async function withAdmin<Result>(
  options: FleetOptions,
  { signal, terminal }: Output & Stop,
  work: (session: AdminSession) => Promise<Result>,
): Promise<Result> {
  const { createAdminClient } = await import("@mpo/transport");
  const target = targetOf(options.coordinator);
  const requestId = `cli-${randomUUID()}`;
  terminal.detail(`request ${requestId} to ${target}`);
  const admin = createAdminClient({ targets: [target], retries: RETRIES });
  try {
    return await work({ admin, target, call: { signal, requestId } });
  } catch (thrown) {
    throw signal.aborted ? thrown : unreachable(thrown, target);
  } finally {
    admin.close();
  }
}

/** An error of a connection with the way out; others as they are. */
function unreachable(thrown: unknown, target: string): unknown {
  if (!isTransient(thrown)) return thrown;
  const error = MpoError.from(thrown);
  const hint = "Start one with `mpo coordinator`, or say where it is with --coordinator HOST:PORT or MPO_COORDINATOR.";
  const message = `the coordinator at ${target} does not answer: ${error.message}`;
  return error.with({ message, hint: error.hint ?? hint });
}

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
