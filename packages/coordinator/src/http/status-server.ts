import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { MpoError } from "@mpo/core";
import type { Logger } from "@mpo/runtime";
import type { Metrics } from "./metrics.ts";

export interface StatusServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly metrics: Metrics;
  /** Why it is not ready; empty: it is. */
  readonly notReady: () => Promise<readonly string[]>;
  readonly logger: Logger;
}

export interface StatusServer {
  readonly address: { readonly host: string; readonly port: number };
  stop(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 64;

/**
 * `/metrics` for Prometheus, `/healthz` (the process answers) and `/readyz` (the store takes writes and the indexes are full).
 * Throws `unavailable` when the address cannot be bound.
 */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { host, port, metrics, notReady, logger } = options;
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      const send = (code: number, type: string, text: string): void => {
        response.writeHead(code, { "content-type": type, "cache-control": "no-store" });
        response.end(request.method === "HEAD" ? undefined : text);
      };
      const failed = (what: string) => (thrown: unknown) => {
        logger.error(`the ${what} could not be read`, { err: thrown });
        send(500, "text/plain", "internal error\n");
      };
      if (request.method !== "GET" && request.method !== "HEAD") return send(405, "text/plain", "only GET\n");
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
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  const address = await listen(server, host, port);
  return { address, stop: () => close(server) };
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
