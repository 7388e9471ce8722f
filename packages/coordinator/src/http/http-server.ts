import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { MpoError } from "@mpo/core";
import { linkSignals } from "@mpo/io";
import type { Logger } from "@mpo/runtime";
import { REQUEST_ID, type TlsSource } from "@mpo/transport";
import type { Exchange, Route } from "./route.ts";
import { SECURITY_HEADERS, TLS_HEADERS } from "./security-headers.ts";
import { sendError } from "./send.ts";

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** The first that matches answers. */
  readonly routes: readonly Route[];
  readonly logger: Logger;
  /** Absent: it answers in clear text. */
  readonly tls?: TlsSource | undefined;
  /** Connections at once. Default 1,024. */
  readonly maxConnections?: number;
}

export interface HttpServer {
  readonly address: { readonly host: string; readonly port: number };
  readonly isOverTls: boolean;
  stop(): Promise<void>;
}

/** Of a stranger: a handshake and the head of a request take no second on the slowest link that a person works over. */
const HEAD_MS = 5_000;
/** The largest request, 4 MiB, within it: a link of 1.2 Mbit/s. How long an answer takes is not limited by it. */
const REQUEST_MS = 30_000;
/** A browser keeps up to six to one place: some 170 people with a page open. Each costs a file handle and 50 kB over TLS. */
const MAX_CONNECTIONS = 1_024;
/** Between two requests: a page that is being read asks again within it, without another handshake. */
const IDLE_MS = 60_000;
const REQUEST_ID_HEADER = "mpo-request-id";

/** One listener for everything that is asked over HTTP. Throws `unavailable` when the address cannot be bound. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, routes, logger, tls, maxConnections = MAX_CONNECTIONS } = options;
  const stops = new AbortController();
  // Every request that runs listens.
  setMaxListeners(0, stops.signal);
  const limits = {
    ...{ requestTimeout: REQUEST_MS, headersTimeout: HEAD_MS, handshakeTimeout: HEAD_MS, keepAliveTimeout: IDLE_MS },
    connectionsCheckingInterval: 1_000,
  };
  const headers = new Headers(tls === undefined ? SECURITY_HEADERS : { ...SECURITY_HEADERS, ...TLS_HEADERS });
  const answer: RequestListener = (request, response) => {
    response.setHeaders(headers);
    const requestId = requestIdOf(request);
    const linked = linkSignals(stops.signal);
    response.once("close", () => {
      linked.abort(new MpoError("cancelled", "the caller gave up"));
      linked[Symbol.dispose]();
    });
    const { path, query } = targetOf(request.url ?? "/");
    const peer = request.socket.remoteAddress ?? "";
    const exchange: Exchange = { request, response, path, query, peer, requestId, signal: linked.signal };
    dispatch(exchange, routes).catch((thrown: unknown) => {
      const isBug = !(thrown instanceof MpoError) || thrown.code === "internal";
      if (!linked.signal.aborted)
        logger[isBug ? "error" : "debug"]("a request failed", { requestId, path, err: thrown });
      if (!response.destroyed) sendError(response, thrown, requestId);
    });
  };
  const server = tls === undefined ? createServer(limits, answer) : secureServer(tls, limits, answer);
  server.maxConnections = maxConnections;
  const address = await listen(server, host, port);
  return {
    address,
    isOverTls: tls !== undefined,
    stop: () => {
      stops.abort(new MpoError("unavailable", "the server is stopping"));
      return close(server);
    },
  };
}

async function dispatch(exchange: Exchange, routes: readonly Route[]): Promise<void> {
  const { request, response, path } = exchange;
  const asked = request.method === "HEAD" ? "GET" : request.method;
  const here = routes.filter(({ matches }) => matches(path));
  const route = here.find(({ method }) => method === asked);
  if (route !== undefined) return await route.answer(exchange);
  if (here.length === 0) throw new MpoError("not-found", "there is nothing at this address");
  const allowed = here.map(({ method }) => method).join(", ");
  response.setHeader("allow", allowed);
  sendError(response, new MpoError("invalid-argument", `only ${allowed} here`), exchange.requestId, 405);
}

/** Never decoded: paths are compared as they come. */
function targetOf(target: string): Pick<Exchange, "path" | "query"> {
  const end = target.indexOf("?");
  const path = end === -1 ? target : target.slice(0, end);
  return { path, query: new URLSearchParams(end === -1 ? "" : target.slice(end + 1)) };
}

function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers[REQUEST_ID_HEADER];
  return typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
}

/** A listener whose certificate changes with its source, for as long as it lives. */
function secureServer(tls: TlsSource, limits: ServerOptions, answer: RequestListener): Server {
  const pair = (): { cert: string; key: string; minVersion: "TLSv1.3" } => {
    const { certificatePem, privateKeyPem } = tls.current();
    return { cert: certificatePem, key: privateKeyPem, minVersion: "TLSv1.3" };
  };
  const server = createSecureServer({ ...limits, ...pair() }, answer);
  const off = tls.onChange(() => server.setSecureContext(pair()));
  server.once("close", off);
  return server;
}

function listen(server: Server, host: string, port: number): Promise<HttpServer["address"]> {
  return new Promise((resolve, reject) => {
    server.once("error", (thrown) => {
      reject(
        new MpoError("unavailable", `cannot listen on ${host}:${port}: ${thrown.message}`, {
          cause: thrown,
          hint: "Choose another address with --http, or end what listens there.",
        }),
      );
    });
    server.listen(port, host, () => {
      const bound = server.address() as AddressInfo;
      resolve({ host: bound.address, port: bound.port });
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
