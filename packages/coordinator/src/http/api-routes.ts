import { once } from "node:events";
import { MpoError } from "@mpo/core";
import { type Clock, linkSignals, untilAborted, withDeadline } from "@mpo/io";
import { ADMIN_SERVICE, jsonOfAnswer, type Method, requestOfJson } from "@mpo/protocol";
import type { CallContext, ServedService, TokenBuckets } from "@mpo/transport";
import { type Callers, callerOf } from "./caller.ts";
import { readJson } from "./read-json.ts";
import type { Exchange, Route } from "./route.ts";
import { errorBody, sendError, sendJson } from "./send.ts";

export interface ApiParts {
  /** The Admin service, with the handlers that gRPC calls too. */
  readonly admin: ServedService;
  readonly callers: Callers;
  /** What one caller may ask. */
  readonly buckets: TokenBuckets;
  readonly clock: Clock;
  /** A call was refused because too many run already; by its path, as gRPC names it. */
  readonly onRefused: (path: string) => void;
}

/** Where the API lies. */
export const API = "/api/v1/";
/** Longer than the slowest call (a plan for 10,000 devices) takes. */
const CALL_MS = 120_000;
/** A stream of answers: as long as gRPC's clients let one run. */
const STREAM_MS = 600_000;
/** Of a stream: by then it was refused, if it was. */
const REFUSAL_MS = 500;
/** That run at once. Each may hold a request and an answer of some MiB; a page makes two to six at a time. */
const MAX_RUNNING = 128;
/** An answer in JSON has up to four times the length of its message: names of fields, and numbers in digits. */
const MAX_ANSWER_LENGTH = 16_777_216;

/** Every call of the Admin service: `POST /api/v1/CALL` with its request as JSON. */
export function apiRoute(parts: ApiParts): Route {
  const running = { calls: 0 };
  return {
    method: "POST",
    matches: (path) => path.startsWith(API) && Object.hasOwn(ADMIN_SERVICE, path.slice(API.length)),
    answer: async (exchange) => {
      const { path, requestId, response } = exchange;
      const name = path.slice(API.length);
      const method = ADMIN_SERVICE[name as keyof typeof ADMIN_SERVICE] as Method<unknown, unknown>;
      if (running.calls >= MAX_RUNNING) {
        parts.onRefused(method.path);
        return sendError(response, busy("too many calls are already running"), requestId);
      }
      running.calls += 1;
      try {
        await call(parts, exchange, { name, method });
      } finally {
        running.calls -= 1;
      }
    },
  };
}

interface Called {
  readonly name: string;
  readonly method: Method<unknown, unknown>;
}

async function call(parts: ApiParts, exchange: Exchange, { name, method }: Called): Promise<void> {
  const { request, response, requestId } = exchange;
  const context = await admitted(parts, exchange, method.path);
  if (context === undefined) return sendError(response, busy("too many calls"), requestId, 429);
  const asked = requestOfJson(method.request, await readJson(request, exchange.signal));
  const handle = handler(parts.admin, name);
  const options = { signal: exchange.signal, clock: parts.clock };
  if (method.isStream) {
    const { clock } = parts;
    const lines = async (signal: AbortSignal): Promise<void> => {
      const answers = handle(asked, { ...context, signal }) as AsyncIterable<unknown>;
      await sendLines(exchange, { method, clock }, answers);
    };
    return await withDeadline(name, STREAM_MS, lines, options);
  }
  const text = await withDeadline(
    name,
    CALL_MS,
    // Whoever asked gets an answer when the time is over, though a handler may take its time to notice.
    (signal) =>
      untilAborted(
        answerOf(method, asked, (one) => handle(one, { ...context, signal })),
        signal,
      ),
    options,
  );
  sendJson(response, 200, text);
}

/** What answers a call; gRPC has seen to it that there is one for each. */
export function handler(admin: ServedService, name: string): (request: unknown, context: CallContext) => unknown {
  return admin.handlers[name] as (request: unknown, context: CallContext) => unknown;
}

/** What goes to a handler with the request; undefined: the caller asks too often. Throws what `callerOf` does. */
export async function admitted(
  { callers, buckets, clock }: Pick<ApiParts, "callers" | "buckets" | "clock">,
  exchange: Exchange,
  callPath: string,
): Promise<CallContext | undefined> {
  const { peer, requestId, signal } = exchange;
  const person = await untilAborted(callerOf(callers, exchange, callPath), signal);
  const payer = person === undefined ? peer : `person ${person.name}`;
  if (!buckets.take(payer, clock.monotonicMs())) return undefined;
  return { deviceId: undefined, person, peer, certificate: undefined, signal, requestId };
}

/** A page of a list that is longer than an answer may be is made again, half as long. */
async function answerOf(
  method: Method<unknown, unknown>,
  request: unknown,
  handle: (request: unknown) => unknown,
): Promise<ReturnType<typeof jsonOfAnswer>> {
  const answer = jsonOfAnswer(method.response, await handle(request));
  const { pageSize = 1, ...rest } = request as { readonly pageSize?: number };
  if (pageSize === 1 || JSON.stringify(answer).length <= MAX_ANSWER_LENGTH) return answer;
  return await answerOf(method, { ...rest, pageSize: Math.ceil(pageSize / 2) }, handle);
}

/** A stream of answers: one a line. After an error there is one line more, with the error. */
async function sendLines(
  { response, requestId, signal }: Exchange,
  { method, clock }: Pick<Called, "method"> & Pick<ApiParts, "clock">,
  answers: AsyncIterable<unknown>,
): Promise<void> {
  const begin = (): void => {
    if (response.headersSent) return;
    response.writeHead(200, { "content-type": "application/jsonl", "cache-control": "no-store" }).flushHeaders();
  };
  const line = async (value: unknown): Promise<void> => {
    begin();
    if (!response.write(`${JSON.stringify(value)}\n`)) await once(response, "drain", { signal });
  };
  using waiting = linkSignals(signal);
  // A refusal comes at once, and has a status of its own; what has nothing to say yet is let through.
  const letThrough = clock.sleep(REFUSAL_MS, { signal: waiting.signal }).then(begin, () => undefined);
  try {
    for await (const answer of answers) await line(jsonOfAnswer(method.response, answer));
  } catch (thrown) {
    if (!response.headersSent) throw thrown;
    await line({ error: errorBody(thrown, requestId) });
  } finally {
    waiting.abort();
    await letThrough;
  }
  begin();
  response.end();
}

function busy(why: string): MpoError {
  return new MpoError("unavailable", `busy: ${why}`, { hint: "Wait and try again, less often." });
}
