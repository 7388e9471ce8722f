import { randomUUID } from "node:crypto";
import { Metadata, type ServiceError, type StatusObject } from "@grpc/grpc-js";
import type { MpoError } from "@mpo/core";
import type { Abortable } from "@mpo/io";
import { errorFromStatus } from "@mpo/protocol";

export interface CallOptions extends Abortable {
  /** Longest time for one attempt; every call has such an end. */
  readonly deadlineMs?: number;
  /** Name of the call in the logs of both sides. Default: a random one. */
  readonly requestId?: string;
  /** W3C's name of the span that this call is part of. Absent: it is part of none. */
  readonly traceparent?: string | undefined;
  /** How often it is tried again, where calls are repeated at all. Default: as the client was made. */
  readonly retries?: number;
}

/** Metadata key of the call's name. */
export const REQUEST_ID_KEY = "mpo-request-id";

/** Names that are taken over from a caller; others are replaced. */
export const REQUEST_ID: RegExp = /^[A-Za-z0-9-]{1,64}$/u;

/** Metadata key of what caused the call, as everybody names it (W3C Trace Context). */
export const TRACEPARENT_KEY = "traceparent";

/** Metadata key of a caller's token, as everybody names it. */
const BEARER_KEY = "authorization";

/** A call as a client sends it. */
export interface SentOptions extends CallOptions {
  /** Token of the caller. */
  readonly bearer?: string | undefined;
}

/** What a client sends in addition to a request. */
export function requestMetadata({ requestId = randomUUID(), traceparent, bearer }: SentOptions): Metadata {
  const metadata = new Metadata();
  metadata.set(REQUEST_ID_KEY, requestId);
  if (traceparent !== undefined) metadata.set(TRACEPARENT_KEY, traceparent);
  if (bearer !== undefined) metadata.set(BEARER_KEY, `Bearer ${bearer}`);
  return metadata;
}

/** The token that came with a call. */
export function bearerOf(metadata: Metadata): string | undefined {
  const [sent] = metadata.get(BEARER_KEY);
  return typeof sent === "string" ? /^Bearer ([\x21-\x7e]{1,4096})$/u.exec(sent)?.[1] : undefined;
}

/** The end of a call as grpc-js wants it. It measures by the system's clock, whatever clock we use. */
export function deadlineIn(deadlineMs: number): Date {
  return new Date(Date.now() + deadlineMs);
}

/** A failed call as ours. */
export function errorOfCall({ code, details, metadata }: StatusObject | ServiceError): MpoError {
  const sent: Record<string, string | Uint8Array> = {};
  for (const [key, value] of Object.entries(metadata?.getMap() ?? {})) {
    if (typeof value === "string" || value instanceof Uint8Array) sent[key] = value;
  }
  return errorFromStatus({ code, details: plainDetails(details), metadata: sent });
}

/** Of grpc-js' words for a connection that cannot be made, the part that says why, where they say it. */
function plainDetails(details: string | undefined): string {
  const text = details ?? "";
  const why =
    /^No connection established\. Last error: (?:Error: )?(.*?)\. Resolution note: ?$/su.exec(text)?.[1] ?? text;
  if (/^Failed to connect \(.*\)$/u.test(why)) return "the other side closed the connection at once";
  return /^(?:undefined|null|Channel closed before call started)?$/u.test(why) ? "no connection could be made" : why;
}

/**
 * Cancels a call. Twice, because grpc-js (1.14.7, resolving-call.ts) still sends a call that is cancelled in the very turn
 * in which it was made: the server would work on it until its deadline.
 */
export function cancelCall(call: { cancel(): void }): void {
  call.cancel();
  setImmediate(() => call.cancel());
}

/** Our messages are made and read by the codecs; grpc-js only carries bytes. */
export const asIs = (bytes: Buffer): Buffer => bytes;
