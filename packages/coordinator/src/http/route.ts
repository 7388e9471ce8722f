import type { IncomingMessage, ServerResponse } from "node:http";

/** One request, and how it is answered. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Decoded by nobody: as it was sent, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Address of the other end. */
  readonly peer: string;
  /** Name of the call in the logs. */
  readonly requestId: string;
  /** Aborts when the client is gone, or the server stops. */
  readonly signal: AbortSignal;
}

export interface Route {
  /** GET answers HEAD too. */
  readonly method: "GET" | "POST" | "DELETE";
  readonly matches: (path: string) => boolean;
  /** What it throws is answered as JSON. */
  readonly answer: (exchange: Exchange) => Promise<void> | void;
}

/** A route of one path. */
export function at(method: Route["method"], path: string, answer: Route["answer"]): Route {
  return { method, matches: (asked) => asked === path, answer };
}
