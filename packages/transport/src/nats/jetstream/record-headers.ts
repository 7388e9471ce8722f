import { MpoError } from "@mpo/core";
import { headers, type Msg, type MsgHdrs, type StoredMsg } from "nats";
import type { LogRecord, LogWrite } from "../../store/store-log.ts";

const MESSAGE_ID = "Nats-Msg-Id";
const EXPECTED = "Nats-Expected-Last-Subject-Sequence";
const EXPECTED_OF = "Nats-Expected-Last-Subject-Sequence-Subject";
/** NATS ADR-8: how a bucket's stream says that a key is gone. */
const OPERATION = "KV-Operation";
const DELETED = "DEL";

/** Headers of a write, except those that the library sets. */
export function headersOf({ isDelete = false, expectedOf }: LogWrite): MsgHdrs {
  const made = headers();
  if (expectedOf !== undefined) made.set(EXPECTED_OF, expectedOf);
  if (isDelete) made.set(OPERATION, DELETED);
  return made;
}

/** A message as a read gives it. */
export function recordOfStored({ subject, seq, time, data, header }: StoredMsg): LogRecord {
  return record({ subject, sequence: seq, storedAtMs: time.getTime(), value: data }, header);
}

/**
 * The answer to a direct get (NATS ADR-31); undefined when there is no such message. Throws `invalid-data` for anything
 * else: only a stream's server may answer there.
 */
export function recordOfDirect({ headers: from, data }: Msg): LogRecord | undefined {
  if (from?.code === 404) return undefined;
  const subject = from?.get("Nats-Subject") ?? "";
  const sequence = Number(from?.get("Nats-Sequence"));
  const storedAtMs = Date.parse(from?.get("Nats-Time-Stamp") ?? "");
  if (subject === "" || !Number.isSafeInteger(sequence) || Number.isNaN(storedAtMs)) {
    throw new MpoError("invalid-data", `a direct get was answered with status ${from?.code ?? "none"} and no message`);
  }
  return record({ subject, sequence, storedAtMs, value: data }, from);
}

export function recordOfMessage(message: Msg, { sequence, storedAtMs }: Delivered): LogRecord {
  return record({ subject: message.subject, sequence, storedAtMs, value: message.data }, message.headers);
}

function record(
  base: Pick<LogRecord, "subject" | "sequence" | "storedAtMs" | "value">,
  from: MsgHdrs | undefined,
): LogRecord {
  const writeId = from?.get(MESSAGE_ID) ?? "";
  const expected = from?.get(EXPECTED) ?? "";
  const operation = from?.get(OPERATION) ?? "";
  return {
    ...base,
    isDelete: operation === DELETED || operation === "PURGE",
    ...(writeId === "" ? {} : { writeId }),
    ...(expected === "" ? {} : { expected: Number(expected) }),
  };
}

/** What a delivery's reply subject contains. */
export interface Delivered {
  /** In the stream. */
  readonly sequence: number;
  /** By this consumer, from 1. */
  readonly delivery: number;
  readonly storedAtMs: number;
  /** Records that wait after it. */
  readonly pending: number;
}

/**
 * Reads "$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<count>.<sequence>.<delivery>.<nanoseconds>.<pending>[.<random>]"
 * (NATS ADR-15); undefined when it is none.
 */
export function deliveredOf({ reply }: Msg): Delivered | undefined {
  const parts = (reply ?? "").split(".");
  if (parts[0] !== "$JS" || parts[1] !== "ACK" || parts.length < 9) return undefined;
  const at = parts.length === 9 ? 5 : 7;
  const [sequence, delivery, timeNs, pending] = parts.slice(at, at + 4).map(Number);
  const all = [sequence, delivery, timeNs, pending];
  if (!all.every((each) => Number.isFinite(each))) return undefined;
  return {
    sequence: sequence as number,
    delivery: delivery as number,
    storedAtMs: Math.floor((timeNs as number) / 1e6),
    pending: pending as number,
  };
}
