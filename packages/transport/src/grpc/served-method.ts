import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { Metadata, ServerUnaryCall, ServerWritableStream, sendUnaryData } from "@grpc/grpc-js";
import { given, hasCode, MpoError } from "@mpo/core";
import { type Clock, hostOf, linkSignals, untilAborted } from "@mpo/io";
import type { Method, StreamMethod, UnaryMethod } from "@mpo/protocol";
import { type LogFields, type Logger, readTraceparent } from "@mpo/runtime";
import { type CallContext, type CallerFacts, claimedIdentity, type Identify } from "./call-context.ts";
import { failure } from "./call-failure.ts";
import { bearerOf, REQUEST_ID, REQUEST_ID_KEY, TRACEPARENT_KEY } from "./call-options.ts";
import type { ConnectionGuard } from "./connection-guard.ts";
import type { TokenBuckets } from "./token-bucket.ts";

/** Handlers of a service: one function a method, over checked values. */
export type HandlersOf<Methods> = {
  readonly [Name in keyof Methods]: Methods[Name] extends UnaryMethod<infer Request, infer Response>
    ? (request: Request, context: CallContext) => Promise<Response>
    : Methods[Name] extends StreamMethod<infer Request, infer Response>
      ? (request: Request, context: CallContext) => AsyncIterable<Response>
      : never;
};

/** What all calls of a server share. */
export interface ServedBy {
  readonly identify: Identify;
  /** Whether the service is for devices, or for people. */
  readonly isForDevices: boolean;
  /** Knows over which connections calls came; undefined without TLS. */
  readonly guard: ConnectionGuard | undefined;
  readonly buckets: TokenBuckets;
  /** Calls that may run at once, by whether their answer is a stream. */
  readonly maxCalls: { readonly unary: number; readonly stream: number };
  /** See `GrpcServerOptions`. */
  readonly lateMs: number;
  readonly onRefused: (path: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborts the calls that are left when the server stops. */
  readonly stops: AbortSignal;
  /** Calls that run now. */
  readonly running: { readonly unary: Set<RunningCall>; readonly stream: Set<RunningCall> };
}

export interface RunningCall {
  /** Monotonic time of the server's clock. */
  readonly beganMs: number;
  /** Address and port of the caller. */
  readonly peer: string;
  abort(reason: MpoError): void;
}

type AnyCall = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

/** A method with one answer as grpc-js wants it. */
export function serveUnary(
  server: ServedBy,
  method: UnaryMethod<unknown, unknown>,
  handle: (request: unknown, context: CallContext) => Promise<unknown>,
): (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => void {
  return (call, callback) => {
    const refusal = refusalOf(server, "unary");
    if (refusal !== undefined) {
      server.onRefused(method.path);
      callback(refusal);
      return;
    }
    const work = served(server, method, call, async (request, context) => {
      const answer = await answerOf(method, request, (asked) => handle(asked, context));
      // After the abort the caller already has its status.
      if (!context.signal.aborted) callback(null, answer);
    });
    work.catch((thrown: unknown) => callback(failure(thrown)));
  };
}

/** An answer's bytes. A page of a list that is longer than a message may be is made again, half as long. */
async function answerOf(
  method: UnaryMethod<unknown, unknown>,
  request: unknown,
  handle: (request: unknown) => Promise<unknown>,
): Promise<Buffer> {
  const answer = await handle(request);
  try {
    return method.response.toBytes(answer);
  } catch (thrown) {
    const { pageSize = 1, ...rest } = request as { readonly pageSize?: number };
    if (pageSize === 1 || MpoError.from(thrown).code !== "over-budget") throw thrown;
    return await answerOf(method, { ...rest, pageSize: Math.ceil(pageSize / 2) }, handle);
  }
}

/** A method that is answered by a stream as grpc-js wants it. */
export function serveStream(
  server: ServedBy,
  method: StreamMethod<unknown, unknown>,
  handle: (request: unknown, context: CallContext) => AsyncIterable<unknown>,
): (call: ServerWritableStream<Buffer, Buffer>) => void {
  return (call) => {
    const refusal = refusalOf(server, "stream");
    if (refusal !== undefined) {
      server.onRefused(method.path);
      call.emit("error", refusal);
      return;
    }
    const work = served(server, method, call, async (request, context) => {
      for await (const answer of handle(request, context)) {
        if (context.signal.aborted) break;
        if (!call.write(method.response.toBytes(answer))) await once(call, "drain", { signal: context.signal });
      }
      if (!context.signal.aborted) call.end();
    });
    work.catch((thrown: unknown) => call.emit("error", failure(thrown)));
  };
}

/** Checks a call, runs it under its signal, and logs what went wrong. Throws what the caller should get. */
async function served(
  server: ServedBy,
  method: Method<unknown, unknown>,
  call: AnyCall,
  work: (request: unknown, context: CallContext) => Promise<void>,
): Promise<void> {
  const { clock } = server;
  const kind = method.isStream ? "stream" : "unary";
  const running = server.running[kind];
  const requestId = requestIdOf(call.metadata);
  const traceparent = traceparentOf(call.metadata);
  const logger = server.logger.child({ requestId, path: method.path });
  using linked = linkSignals(server.stops);
  const onCancel = (): void => linked.abort(new MpoError("cancelled", "the caller gave up"));
  call.on("cancelled", onCancel);
  const beganMs = clock.monotonicMs();
  const peer = call.getPeer();
  const own: RunningCall = { beganMs, peer, abort: (reason) => linked.abort(reason) };
  let caller: Caller = { deviceId: undefined, person: undefined, certificate: undefined };
  try {
    running.add(own);
    const request = onlyOnce(() => method.request.fromBytes(call.request));
    caller = await untilAborted(identified(server, call, method.path, request), linked.signal);
    const { deviceId, person } = caller;
    // One bucket an address, whatever the port.
    const payer = deviceId ?? (person === undefined ? hostOf(peer) : `person ${person.name}`);
    if (!server.buckets.take(payer, clock.monotonicMs())) throw busy("too many calls");
    // The caller gets its answer when the signal aborts, though a handler may take its time to notice.
    await untilAborted(
      work(request(), { ...caller, peer, signal: linked.signal, requestId, traceparent }),
      linked.signal,
    );
    logger.debug("a call was answered", { ...named(caller), ms: Math.round(clock.monotonicMs() - beganMs) });
  } catch (thrown) {
    const error = MpoError.from(thrown);
    const level = thrown instanceof MpoError && error.code !== "internal" ? "debug" : "error";
    logger[level]("a call failed", { ...named(caller), peer, err: thrown });
    throw thrown;
  } finally {
    running.delete(own);
    call.off("cancelled", onCancel);
  }
}

type Caller = Pick<CallContext, "deviceId" | "person" | "certificate">;

/** Who calls. Its connection stands for it from then on; that of one who is refused no longer does. */
async function identified(server: ServedBy, call: AnyCall, path: string, request: () => unknown): Promise<Caller> {
  const { identify, isForDevices } = server;
  const connection = server.guard?.of(call.metadata);
  const facts: CallerFacts = {
    get claimed() {
      return claimedIdentity(request());
    },
    peer: call.getPeer(),
    certificate: connection?.certificate,
    bearer: bearerOf(call.metadata),
  };
  try {
    const deviceId = isForDevices ? await identify.device(facts, path) : undefined;
    const person = isForDevices ? undefined : await identify.person(facts, path);
    if (deviceId !== undefined || person !== undefined) connection?.identified(true);
    return { deviceId, person, certificate: facts.certificate };
  } catch (thrown) {
    // A person may be allowed something else; a device that is turned away, nothing.
    if (isForDevices || hasCode(thrown, "unauthenticated")) connection?.identified(false);
    throw thrown;
  }
}

function onlyOnce<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function named({ deviceId, person }: Caller): LogFields {
  return { ...given({ deviceId, person: person?.name }) };
}

/** Calls that a late server still takes in addition to its oldest one. */
const CALLS_WHEN_LATE = 64;

/**
 * The refusal of a call because too many already run; undefined: it may run. A server is refusing when it has no
 * time to spare: this comes before all else, and costs next to nothing.
 */
function refusalOf(server: ServedBy, kind: "unary" | "stream"): ReturnType<typeof failure> | undefined {
  const running = server.running[kind];
  const most = server.maxCalls[kind];
  if (running.size >= most) return refusal(`${most} calls are already running`);
  if (kind === "stream" || running.size < CALLS_WHEN_LATE) return undefined;
  // A set keeps the order of insertion: the first has run the longest.
  const [oldest] = running;
  const isLate = oldest !== undefined && server.clock.monotonicMs() - oldest.beganMs > server.lateMs;
  return isLate ? refusal(`calls take longer than ${server.lateMs} ms`) : undefined;
}

/** One for each reason: an error for every call would cost more than many calls do. */
const refusals = new Map<string, ReturnType<typeof failure>>();

function refusal(why: string): ReturnType<typeof failure> {
  const known = refusals.get(why) ?? failure(busy(why));
  refusals.set(why, known);
  return known;
}

function busy(why: string): MpoError {
  return new MpoError("unavailable", `busy: ${why}`, { hint: "Wait and try again, less often." });
}

function requestIdOf(metadata: Metadata): string {
  const [given] = metadata.get(REQUEST_ID_KEY);
  return typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
}

function traceparentOf(metadata: Metadata): string | undefined {
  const [sent] = metadata.get(TRACEPARENT_KEY);
  return typeof sent === "string" && readTraceparent(sent) !== undefined ? sent : undefined;
}
