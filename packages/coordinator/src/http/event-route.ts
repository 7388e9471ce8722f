import { once } from "node:events";
import { MpoError } from "@mpo/core";
import { type Clock, linkSignals } from "@mpo/io";
import {
  ADMIN_SERVICE,
  type AdminServiceMethods,
  jsonOfAnswer,
  type ListEventsResponse,
  type ResponseOf,
  requestOfJson,
} from "@mpo/protocol";
import type { CallContext } from "@mpo/transport";
import type { Person } from "../identity/person.ts";
import { API, type ApiParts, admitted, handler } from "./api-routes.ts";
import { at, type Exchange, type Route } from "./route.ts";
import { errorBody, sendError } from "./send.ts";

type EventParts = Pick<ApiParts, "admin" | "callers" | "buckets" | "clock">;

/** How often a stream is looked at: a session that was ended sees nothing more after it. */
const LOOK_MS = 2_000;
/** Proxies close a connection on which nothing came for 30 to 60 s. */
const LOOKS_PER_HEARTBEAT = 7;
/** How long a browser waits before it comes back. */
const RETRY_MS = 1_000;
/** Over all people; each holds a connection and a reader of the store. */
const MAX_STREAMS = 512;
/** Of one person, with several windows open. A browser keeps six connections to one place. */
const MAX_STREAMS_EACH = 16;

/**
 * The fleet's events as they happen, as server-sent events: `GET /api/v1/events?tenant=T[&device=D][&after=SEQUENCE]`. Each
 * carries its sequence, which is the same at every coordinator: who comes back with `Last-Event-ID` misses and repeats
 * nothing. The first says from where on the stream goes; `isResumed: false`: what is shown must be read again.
 */
export function eventRoute(parts: EventParts): Route {
  const streams = new Map<string, number>();
  return at("GET", `${API}events`, async (exchange) => {
    const { response, requestId, query, request } = exchange;
    const { path } = ADMIN_SERVICE.watchEvents;
    const context = await admitted(parts, exchange, path);
    const busy = new MpoError("unavailable", "busy: too many streams or calls", { hint: "Close other windows." });
    if (context === undefined) return sendError(response, busy, requestId, 429);
    const payer = context.person?.name ?? exchange.peer;
    const total = [...streams.values()].reduce((sum, count) => sum + count, 0);
    const own = streams.get(payer) ?? 0;
    if (own >= MAX_STREAMS_EACH || total >= MAX_STREAMS) return sendError(response, busy, requestId, 429);
    const last = request.headers["last-event-id"] ?? query.get("after") ?? undefined;
    streams.set(payer, own + 1);
    try {
      await stream(parts, exchange, context, { ...filterOf(query), after: sequenceOf(last) });
    } finally {
      const left = (streams.get(payer) ?? 1) - 1;
      if (left === 0) streams.delete(payer);
      else streams.set(payer, left);
    }
  });
}

type WatchEventsResponse = ResponseOf<AdminServiceMethods["watchEvents"]>;

interface Wanted {
  readonly tenant: string;
  readonly device?: string;
  /** Undefined: from now on. */
  readonly after: number | undefined;
}

async function stream(
  { admin, clock }: EventParts,
  exchange: Exchange,
  context: CallContext,
  { after: last, ...filter }: Wanted,
): Promise<void> {
  const { response, requestId } = exchange;
  using ends = linkSignals(exchange.signal);
  const { signal } = ends;
  const newest = async (): Promise<number> => {
    const asked = requestOfJson(ADMIN_SERVICE.listEvents.request, { ...filter, pageSize: 1 });
    const { events } = (await handler(admin, "listEvents")(asked, context)) as ListEventsResponse;
    return events[0]?.sequence ?? 0;
  };
  // Refused, if it is, before the stream begins.
  const newestNow = await newest();
  const after = last ?? newestNow;
  const asked = requestOfJson(ADMIN_SERVICE.watchEvents.request, { ...filter, afterSequence: after });
  const events = handler(admin, "watchEvents")(asked, { ...context, signal }) as AsyncIterable<WatchEventsResponse>;
  const write = async (text: string): Promise<void> => {
    if (!response.write(text)) await once(response, "drain", { signal });
  };
  response.writeHead(200, {
    ...{ "content-type": "text/event-stream", "cache-control": "no-store" },
    // nginx would hold events back.
    "x-accel-buffering": "no",
  });
  const ready = { sequence: after, isResumed: last !== undefined };
  await write(
    `retry: ${RETRY_MS}\n${after === 0 ? "" : `id: ${after}\n`}event: ready\ndata: ${JSON.stringify(ready)}\n\n`,
  );
  const looking = look(clock, { response, person: context.person as Person | undefined, signal }).catch(ends.abort);
  try {
    for await (const answer of events) {
      const { event } = jsonOfAnswer(ADMIN_SERVICE.watchEvents.response, answer) as { readonly event: object };
      await write(`id: ${answer.event.sequence}\ndata: ${JSON.stringify(event)}\n\n`);
    }
    signal.throwIfAborted();
  } catch (thrown) {
    const why = signal.aborted ? (signal.reason as unknown) : thrown;
    if (!exchange.signal.aborted) response.write(`event: end\ndata: ${JSON.stringify(errorBody(why, requestId))}\n\n`);
  } finally {
    ends.abort();
    await looking;
    response.end();
  }
}

/** Keeps a stream open, and throws when whoever reads it may not do so any more. */
async function look(
  clock: Clock,
  {
    response,
    person,
    signal,
  }: { readonly response: Exchange["response"]; readonly person: Person | undefined; readonly signal: AbortSignal },
): Promise<void> {
  for (let looks = 1; !signal.aborted; looks += 1) {
    await clock.sleep(LOOK_MS, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    requireGood(person, clock);
    if (looks % LOOKS_PER_HEARTBEAT === 0) response.write(": \n\n");
  }
}

/** Of a provider's token, nothing but its end is known. */
function requireGood(person: Person | undefined, clock: Clock): void {
  person?.requireGood?.();
  if ((person?.expiresAtMs ?? Number.POSITIVE_INFINITY) > clock.now()) return;
  throw new MpoError("unauthenticated", "the token has expired", { hint: "Sign in again." });
}

function filterOf(query: URLSearchParams): { readonly tenant: string; readonly device?: string } {
  const device = query.get("device");
  return { tenant: query.get("tenant") ?? "", ...(device === null ? {} : { device }) };
}

function sequenceOf(text: string | string[] | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (typeof text === "string" && /^\d{1,15}$/u.test(text)) return Number(text);
  throw new MpoError("invalid-argument", "the last event's ID is none that an event had");
}
