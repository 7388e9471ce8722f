import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { hasCode, MpoError } from "@mpo/core";
import type { Logger } from "@mpo/runtime";
import type { TlsSource } from "@mpo/transport";
import type { Metrics } from "./metrics.ts";

export interface StatusServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly metrics: Metrics;
  /** Why it is not ready; empty: it is. */
  readonly notReady: () => Promise<readonly string[]>;
  readonly logger: Logger;
  /** Where others than this machine may ask: over TLS, with an access token. */
  readonly protection?: {
    readonly tls: TlsSource;
    /** Throws for a token that is not good, and `permission-denied` for one that may not see the whole fleet. */
    readonly admit: (token: string) => unknown;
  };
}

export interface StatusServer {
  readonly address: { readonly host: string; readonly port: number };
  /** Else it answers in clear text. */
  readonly isOverTls: boolean;
  stop(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 64;

/**
 * `/metrics` for Prometheus, `/healthz` (the process answers) and `/readyz` (the store takes writes and the indexes are full).
 * Throws `unavailable` when the address cannot be bound.
 */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { host, port, metrics, notReady, logger, protection } = options;
  const limits = {
    ...{ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS, handshakeTimeout: REQUEST_TIMEOUT_MS },
    connectionsCheckingInterval: 1_000,
  };
  const answer: RequestListener = (request, response) => {
    const send = (code: number, type: string, text: string): void => {
      response.writeHead(code, { "content-type": type, "cache-control": "no-store" });
      response.end(request.method === "HEAD" ? undefined : text);
    };
    const failed = (what: string) => (thrown: unknown) => {
      logger.error(`the ${what} could not be read`, { err: thrown });
      send(500, "text/plain", "internal error\n");
    };
    if (request.method !== "GET" && request.method !== "HEAD") return send(405, "text/plain", "only GET\n");
    const refusal = protection && refusalOf(request.headers.authorization, protection.admit);
    if (refusal === 403) return send(403, "text/plain", "the access token is for one tenant only\n");
    if (refusal !== undefined) {
      response.setHeader("www-authenticate", "Bearer");
      return send(401, "text/plain", "an access token is needed: Authorization: Bearer TOKEN (mpo access create)\n");
    }
    switch (request.url ?? "/") {
      case "/healthz":
        return send(200, "text/plain", "ok\n");
      case "/readyz":
        notReady().then(
          (why) => send(why.length === 0 ? 200 : 503, "text/plain", `${why.join("; ") || "ok"}\n`),
          failed("readiness"),
        );
        return;
      case "/metrics":
        metrics.page().then(({ type, text }) => send(200, type, text), failed("metrics"));
        return;
      default:
        return send(404, "text/plain", "there are /metrics, /healthz and /readyz\n");
    }
  };
  const server = protection === undefined ? createServer(limits, answer) : secureServer(protection.tls, limits, answer);
  server.maxConnections = MAX_CONNECTIONS;
  const address = await listen(server, host, port);
  return { address, isOverTls: protection !== undefined, stop: () => close(server) };
}

/** Why a request is not answered; undefined: it is. */
function refusalOf(authorization: string | undefined, admit: (token: string) => unknown): 401 | 403 | undefined {
  const [, token] = /^Bearer (\S+)$/u.exec(authorization ?? "") ?? [];
  if (token === undefined) return 401;
  try {
    admit(token);
    return undefined;
  } catch (thrown) {
    return hasCode(thrown, "permission-denied") ? 403 : 401;
  }
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

function listen(server: Server, host: string, port: number): Promise<StatusServer["address"]> {
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
