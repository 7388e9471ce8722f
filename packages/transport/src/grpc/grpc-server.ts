import { setMaxListeners } from "node:events";
import type { Http2SecureServer } from "node:http2";
import {
  type ChannelOptions,
  logVerbosity,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { given, MpoError, SECOND_MS } from "@mpo/core";
import { type Clock, systemClock, targetOf } from "@mpo/io";
import {
  ADMIN_SERVICE,
  type AdminServiceMethods,
  FLEET_SERVICE,
  type FleetServiceMethods,
  type Method,
  type StreamMethod,
  type UnaryMethod,
} from "@mpo/protocol";
import { connectionsWithin, type Logger, readOpenFiles, silentLogger } from "@mpo/runtime";
import { believeClaim, type CallContext, type Identify } from "./call-context.ts";
import { asIs } from "./call-options.ts";
import { ConnectionGuard } from "./connection-guard.ts";
import { type SayRarely, sayRarely } from "./say-rarely.ts";
import { type HandlersOf, type ServedBy, serveStream, serveUnary } from "./served-method.ts";
import { SourceCredentials } from "./server-tls.ts";
import type { TlsSource } from "./tls-source.ts";
import { type Quota, TokenBuckets } from "./token-bucket.ts";

/** A service with its handlers. Made by `fleetService` and `adminService`, which check that they fit. */
export interface ServedService {
  readonly methods: Readonly<Record<string, Method<unknown, unknown>>>;
  readonly handlers: Readonly<Record<string, (request: unknown, context: CallContext) => unknown>>;
  /** Or for people: in their requests, an identity is that of a device they ask about. */
  readonly isForDevices: boolean;
}

/** What agents ask, with its handlers: `fleetService({ enroll: async (request, context) => ..., ... })`. */
export function fleetService(handlers: HandlersOf<FleetServiceMethods>): ServedService {
  return { methods: FLEET_SERVICE, handlers, isForDevices: true } as unknown as ServedService;
}

/** What people and programs ask, with its handlers. */
export function adminService(handlers: HandlersOf<AdminServiceMethods>): ServedService {
  return { methods: ADMIN_SERVICE, handlers, isForDevices: false } as unknown as ServedService;
}

export interface GrpcServerOptions {
  readonly services: readonly ServedService[];
  /** Address to listen on. Default 127.0.0.1: whether others may reach it is for the caller to decide. */
  readonly host?: string;
  /** 0 (default): a free one. */
  readonly port?: number;
  /** Without it everything crosses in plaintext: for loopback only. */
  readonly tls?: TlsSource;
  /** Who calls. Default `believeClaim`, which TLS excludes. */
  readonly identify?: Identify;
  /** What one device (or address, where no device is known) may ask. Default 50 a second, 200 at once. */
  readonly quota?: Quota;
  /**
   * Calls with one answer that run at once, over all connections. Default 500: more would wait until their callers give
   * up, and the work for them would be lost; who is refused at once tries again later, with jitter.
   */
  readonly maxCalls?: number;
  /**
   * While the oldest call with one answer has run for longer, no more than a few are taken beside it: what a server that
   * is late takes on beyond that would be given up by its callers before it is answered. Default 2 s.
   */
  readonly lateMs?: number;
  /**
   * Connections at once; more are closed as soon as they come. Default: as many as the limit of open files leaves when some
   * are kept back.
   */
  readonly maxConnections?: number;
  /** Of these, with TLS, how many may not have shown who they are. Default a quarter. */
  readonly maxUnproven?: number;
  /** How long a connection may stay so. Default 30 s. */
  readonly unprovenMs?: number;
  /** Connections end after it, give or take a tenth, so that renewed certificates take. Default just below an hour. */
  readonly maxConnectionAgeMs?: number;
  /** No call takes longer, whatever deadline its caller set. Default 1 h. */
  readonly maxCallMs?: number;
  /** A call was refused because too many run already. */
  readonly onRefused?: (path: string) => void;
  readonly logger?: Logger;
  /** Default: the system's clock. */
  readonly clock?: Clock;
}

export interface GrpcServer {
  readonly host: string;
  readonly port: number;
  /** "host:port", as clients take it. */
  readonly target: string;
  /** Calls that run now. */
  readonly running: number;
  /** Takes no new calls, ends streams, lets other calls that run end for `graceMs` (default 5 s), then ends them too. */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
}

// What it would print comes to us as errors too, and standard error is our log's.
setLogVerbosity(logVerbosity.NONE);

/** Longest frame around a message that a codec allows. */
const FRAME_BYTES = 1024;
const LATE_LOOK_MS = 10_000;
/** Calls answered by a stream that run at once, over all connections. */
const MAX_STREAMS = 10_000;
const MAX_CALLS_PER_CONNECTION = 100;
const CONNECTION_AGE_MS = 3_270_000;
/** What calls that run get when their connection ends: one over a slow link may need it. */
const CONNECTION_GRACE_MS = 300_000;
/** Where the limit of open files is not known. */
const MANY_CONNECTIONS = 65_536;

/** Starts a server. Throws `unavailable` for a taken port. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { host = "127.0.0.1", port = 0, logger = silentLogger, clock = systemClock } = options;
  const stops = new AbortController();
  // Every call that runs listens.
  setMaxListeners(0, stops.signal);
  const most = options.maxConnections ?? (await maxConnections());
  const say = sayRarely(logger, clock);
  const { tls, unprovenMs = 30_000, maxUnproven = Math.ceil(Math.min(most, MANY_CONNECTIONS) / 4) } = options;
  if (tls !== undefined && options.identify === undefined)
    throw new MpoError("internal", "TLS, and nobody to identify");
  const guard = tls && new ConnectionGuard({ maxUnproven, unprovenMs, clock, say });
  const served: Omit<ServedBy, "isForDevices"> = {
    identify: options.identify ?? believeClaim,
    guard,
    buckets: new TokenBuckets(options.quota ?? { perSecond: 50, burst: 200 }),
    maxCalls: { unary: options.maxCalls ?? 500, stream: MAX_STREAMS },
    lateMs: options.lateMs ?? 2_000,
    onRefused: options.onRefused ?? (() => undefined),
    clock,
    logger,
    stops: stops.signal,
    running: { unary: new Set(), stream: new Set() },
  };
  const server = new Server({ ...channelOptions(options), ...given({ interceptors: guard && [guard.intercept] }) });
  for (const service of options.services) addService(server, service, served);
  const credentials = tls && new SourceCredentials(tls, logger);
  const bound = await bind(server, targetOf({ host, port }), credentials).catch((thrown: unknown) => {
    credentials?.close();
    throw thrown;
  });
  limitConnections(server, most, say);
  for (const each of server["http2Servers"].keys()) guard?.watch(each as Http2SecureServer);
  void guard?.run(stops.signal);
  void endLateCalls(served, options.maxCallMs ?? 3_600_000);
  return {
    host,
    port: bound,
    target: targetOf({ host, port: bound }),
    get running() {
      return served.running.unary.size + served.running.stream.size;
    },
    stop: async ({ graceMs = 5_000 } = {}) => {
      credentials?.close();
      guard?.stop();
      await stop(server, served, stops, graceMs);
    },
  };
}

function channelOptions({ services, maxConnectionAgeMs = CONNECTION_AGE_MS }: GrpcServerOptions): ChannelOptions {
  const methods = services.flatMap((service) => Object.values(service.methods));
  return {
    // The codecs hold each message to its own limit; this one is held before a message is buffered.
    "grpc.max_receive_message_length": Math.max(...methods.map(({ request }) => request.maxBytes)) + FRAME_BYTES,
    "grpc.max_send_message_length": Math.max(...methods.map(({ response }) => response.maxBytes)) + FRAME_BYTES,
    "grpc.max_concurrent_streams": MAX_CALLS_PER_CONNECTION,
    "grpc.max_metadata_size": 8_192,
    "grpc.keepalive_time_ms": 60_000,
    // Its answer waits for what a device is sending, over a link that may be slow.
    "grpc.keepalive_timeout_ms": 120_000,
    "grpc.max_connection_age_ms": maxConnectionAgeMs,
    "grpc.max_connection_age_grace_ms": CONNECTION_GRACE_MS,
  };
}

function addService(server: Server, service: ServedService, all: Omit<ServedBy, "isForDevices">): void {
  const { methods, handlers, isForDevices } = service;
  const served = { ...all, isForDevices };
  const definition: Record<string, ServiceDefinition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(methods)) {
    const handle = handlers[name];
    if (handle === undefined) throw new MpoError("internal", `nothing handles ${method.path}`);
    definition[name] = {
      path: method.path,
      requestStream: false,
      responseStream: method.isStream,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    };
    implementation[name] = method.isStream
      ? serveStream(served, method as StreamMethod<unknown, unknown>, handle as Parameters<typeof serveStream>[2])
      : serveUnary(served, method as UnaryMethod<unknown, unknown>, handle as Parameters<typeof serveUnary>[2]);
  }
  server.addService(definition, implementation);
}

function bind(server: Server, address: string, credentials = ServerCredentials.createInsecure()): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else {
        const hint = "Choose another address with --listen, or stop the program that listens there.";
        reject(new MpoError("unavailable", `cannot listen on ${address}: ${error.message}`, { cause: error, hint }));
      }
    });
  });
}

async function maxConnections(): Promise<number> {
  const files = await readOpenFiles();
  return files === undefined ? Number.POSITIVE_INFINITY : connectionsWithin(files);
}

/** grpc-js (1.14.7) has no option for it, and its servers are its own; they are Node's, which can. */
function limitConnections(server: Server, most: number, say: SayRarely): void {
  if (!Number.isFinite(most)) return;
  const hint = "Raise the limit of open files (ulimit -Hn, LimitNOFILE=) and start again.";
  for (const http2Server of server["http2Servers"].keys()) {
    http2Server.maxConnections = most;
    http2Server.on("drop", () => say("refusing connections: the limit is reached", { maxConnections: most, hint }));
  }
}

/** A caller without a deadline must not hold a handler forever. One look at all now and then: timers cost more. */
async function endLateCalls(
  { running, clock, stops }: Pick<ServedBy, "running" | "clock" | "stops">,
  maxCallMs: number,
): Promise<void> {
  while (!stops.aborted) {
    await clock.sleep(Math.min(maxCallMs / 2, LATE_LOOK_MS), { signal: stops }).catch(() => undefined);
    const lateMs = clock.monotonicMs() - maxCallMs;
    for (const call of [...running.unary, ...running.stream]) {
      if (call.beganMs < lateMs) call.abort(new MpoError("timed-out", `the call took longer than ${maxCallMs} ms`));
    }
  }
}

async function stop(
  server: Server,
  served: Pick<ServedBy, "running" | "clock" | "logger">,
  stops: AbortController,
  graceMs: number,
): Promise<void> {
  const { running, clock, logger } = served;
  const stopping = new MpoError("unavailable", "the server is stopping");
  const ended = new AbortController();
  const closed = new Promise<void>((resolve) => {
    server.tryShutdown(() => resolve());
  });
  // They have no end of their own, and their readers come back.
  for (const stream of running.stream) stream.abort(stopping);
  const clients = new Set([...running.unary].map(({ peer }) => peer)).size;
  if (clients > 0) {
    logger.info(`waiting for ${clients} ${clients === 1 ? "client" : "clients"}, up to ${graceMs / SECOND_MS} s`);
  }
  const late = clock.sleep(graceMs, { signal: ended.signal }).then(
    async () => {
      stops.abort(stopping);
      // One turn, so that the callers still get their status.
      await clock.sleep(50);
      server.forceShutdown();
    },
    () => undefined,
  );
  // grpc-js (1.14.7) waits for ever for a session that was being destroyed when it began to wait.
  await Promise.race([closed, late]);
  ended.abort();
  await late;
  stops.abort(new MpoError("unavailable", "the server has stopped"));
}
