import type { ServerResponse } from "node:http";
import type { MpoErrorCode } from "@mpo/core";
import { hasCode, MpoError } from "@mpo/core";
import { type Json, statusFromError } from "@mpo/protocol";

/** As google.rpc.Code maps to HTTP; what is too large for a device or a message is not to be tried again (429), but wrong (422). */
const HTTP_STATUS: Readonly<Record<MpoErrorCode, number>> = {
  "invalid-argument": 400,
  "invalid-data": 400,
  "not-found": 404,
  "already-exists": 409,
  "precondition-failed": 400,
  "over-budget": 422,
  "over-memory-cap": 422,
  "worker-crashed": 500,
  "worker-killed": 500,
  "timed-out": 504,
  // As nginx logs it: whoever asked is gone.
  cancelled: 499,
  unavailable: 503,
  unauthenticated: 401,
  "permission-denied": 403,
  conflict: 409,
  unsupported: 501,
  internal: 500,
};

const NO_STORE = { "cache-control": "no-store" };

export function sendText(response: ServerResponse, status: number, text: string, type = "text/plain"): void {
  send(response, status, type, text);
}

export function sendJson(response: ServerResponse, status: number, value: Json): void {
  send(response, status, "application/json", `${JSON.stringify(value)}\n`);
}

/** An error as the API words it. `status`: where its code alone does not say. */
export function sendError(response: ServerResponse, thrown: unknown, requestId: string, status?: number): void {
  // A stream has begun: all that is left is to end it, so that nobody takes it for complete.
  if (response.headersSent) return void response.destroy();
  if (hasCode(thrown, "unauthenticated")) response.setHeader("www-authenticate", "Bearer");
  const { code } = MpoError.from(thrown);
  if (code === "unavailable") response.setHeader("retry-after", "1");
  sendJson(response, status ?? HTTP_STATUS[code], errorBody(thrown, requestId));
}

/** What anybody may learn of an error: that of a bug is in the log alone. */
export function errorBody(thrown: unknown, requestId: string): Json {
  const error = MpoError.from(thrown);
  const { details: message } = statusFromError(thrown);
  return {
    code: error.code,
    message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    details: { requestId },
  };
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  const body = Buffer.from(text);
  response.writeHead(status, { ...NO_STORE, "content-type": type, "content-length": body.length });
  response.end(body);
}
