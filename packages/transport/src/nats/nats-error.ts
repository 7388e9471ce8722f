import { MpoError, type MpoErrorCode } from "@mpo/core";
import { NatsError } from "nats";

/** JetStream's own error codes (nats-server/server/errors.json). */
const API_CODES: ReadonlyMap<number, MpoErrorCode> = new Map<number, MpoErrorCode>([
  [10071, "conflict"], // wrong last sequence
  [10158, "unavailable"], // a message with this id is on its way
  [10164, "conflict"], // wrong last sequence, as a constant text
  [10037, "not-found"], // no message found
  [10059, "not-found"], // stream not found
  [10014, "not-found"], // consumer not found
  [10077, "over-budget"], // maximum messages or bytes exceeded
  [10047, "unavailable"], // insufficient storage resources
  [10023, "unavailable"], // insufficient resources
  [10028, "unavailable"], // insufficient memory resources
  [10002, "unavailable"], // resource limits exceeded for account
  [10122, "unavailable"], // stream's reservation exceeds the account's limit of one stream
  [10005, "unavailable"], // no suitable peers for placement
  [10054, "invalid-argument"], // message size exceeds maximum
  [10058, "already-exists"], // stream name in use with other settings
  [10052, "invalid-argument"], // bad stream settings
  [10008, "unavailable"], // system temporarily unavailable
  [10009, "unavailable"], // cluster not yet established
  [10039, "unsupported"], // JetStream not enabled for account
  [10076, "unsupported"], // JetStream not enabled
]);

/** Codes of the client (nats-base-client/core.ts). */
const CLIENT_CODES: ReadonlyMap<string, MpoErrorCode> = new Map<string, MpoErrorCode>([
  ["TIMEOUT", "timed-out"],
  ["CONNECTION_TIMEOUT", "timed-out"],
  ["503", "unavailable"],
  ["404", "not-found"],
  ["408", "timed-out"],
  ["CONNECTION_REFUSED", "unavailable"],
  ["CONNECTION_CLOSED", "unavailable"],
  ["CONNECTION_DRAINING", "unavailable"],
  ["DISCONNECT", "unavailable"],
  ["CLOSED", "unavailable"],
  ["STALE_CONNECTION", "unavailable"],
  // An empty answer: it says nothing of what was asked.
  ["BAD_JSON", "unavailable"],
  ["AUTHORIZATION_VIOLATION", "unauthenticated"],
  ["AUTHENTICATION_EXPIRED", "unauthenticated"],
  ["AUTHENTICATION_TIMEOUT", "unauthenticated"],
  ["ACCOUNT_AUTHENTICATION_EXPIRED", "unauthenticated"],
  ["PERMISSIONS_VIOLATION", "unauthenticated"],
  ["BAD_CREDS", "invalid-argument"],
  ["BAD_SUBJECT", "invalid-argument"],
  ["MAX_PAYLOAD_EXCEEDED", "invalid-argument"],
]);

/** Writes are refused until there is room. */
const FULL: ReadonlySet<number | undefined> = new Set([10077, 10047, 10023, 10028, 10002, 10122]);
const FULL_HINT = "Free disk space for JetStream, or raise the limits of the stream or the account.";

const HINTS: Readonly<Partial<Record<MpoErrorCode, string>>> = {
  unauthenticated: "Check the credentials for NATS, and what its server allows this user.",
  "timed-out": "Try again: a cluster that has lost a server may need ten seconds to choose another that leads.",
  unsupported: "Start nats-server with JetStream (option -js, or a jetstream block).",
};

/** What NATS or its client threw, as ours. */
export function natsError(thrown: unknown, what: string): MpoError {
  if (thrown instanceof MpoError) return thrown;
  const code = codeOf(thrown);
  const apiCode = thrown instanceof NatsError ? thrown.api_error?.err_code : undefined;
  const hint = FULL.has(apiCode) ? FULL_HINT : HINTS[code];
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new MpoError(code, `${what}: ${reason}`, { cause: thrown, hint });
}

/** Whether JetStream refused to reserve so much. */
export function isStorageRefusal(thrown: unknown): thrown is MpoError {
  const error = thrown instanceof MpoError && thrown.cause instanceof NatsError ? thrown.cause.api_error : undefined;
  return FULL.has(error?.err_code ?? 0) || error?.description.includes("insufficient storage") === true;
}

function codeOf(thrown: unknown): MpoErrorCode {
  if (!(thrown instanceof NatsError)) return "internal";
  const apiCode = thrown.api_error?.err_code;
  const known = apiCode === undefined ? undefined : API_CODES.get(apiCode);
  if (known !== undefined) return known;
  const client = CLIENT_CODES.get(thrown.code);
  if (client !== undefined) return client;
  // JetStream answers 5xx while it cannot serve (no leader, starting).
  return /^5\d\d$/u.test(thrown.code) ? "unavailable" : "internal";
}
