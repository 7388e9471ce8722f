import type { Abortable } from "@mpo/io";

/** One stored message of a stream; a bucket is a stream with a subject per key. */
export interface LogRecord {
  readonly subject: string;
  /** Position in the stream, from 1. */
  readonly sequence: number;
  readonly value: Uint8Array;
  readonly storedAtMs: number;
  /** Who wrote it: the `writeId` of its `LogWrite`. Absent when another program wrote it. */
  readonly writeId?: string;
  /** The sequence that the writer expected, 0 for "none"; absent when it expected nothing. */
  readonly expected?: number;
  /** Whether it says that the key is gone. */
  readonly isDelete: boolean;
}

export interface LogWrite {
  readonly stream: string;
  readonly subject: string;
  readonly value: Uint8Array;
  /** A message with the same id is stored once within the stream's duplicate window. */
  readonly writeId: string;
  /** Newest sequence of the subject that must be there, 0 for none; absent: any. */
  readonly expected?: number;
  /** The subject of `expected`, where it is another. */
  readonly expectedOf?: string;
  readonly isDelete?: boolean;
}

/** Where a message was stored, and whether it had been before. */
export interface Written {
  readonly sequence: number;
  readonly isDuplicate: boolean;
}

export interface ConsumeOptions {
  /** NATS wildcards allowed. */
  readonly subject: string;
  /** First sequence to deliver, or only the newest record of each subject and all that come later. */
  readonly from: number | "last-per-subject";
  readonly signal: AbortSignal;
}

/** `caught-up` comes once after all that was stored at the start, and again after each `reset`. */
export type LogDelivery =
  | { readonly kind: "record"; readonly record: LogRecord }
  | { readonly kind: "caught-up" }
  | { readonly kind: "reset" };

/**
 * What JetStream itself offers, with all its misbehaviour: the low port under `LogStateStore`, which holds the rules
 * that tame it. So the simulation runs the same rules over a log that misbehaves on purpose.
 */
export interface StoreLog {
  /**
   * Stores a message. Throws `conflict` for the answer 10071 (the expected sequence is not the newest: or so it says),
   * `timed-out` when no answer came, `unavailable` when there is no server, `over-budget` when the stream is full.
   */
  write(write: LogWrite, options?: Abortable): Promise<Written>;
  /**
   * The newest record of a subject, from the leader or from any replica. A leader that was stopped or cut off, and does not
   * know yet that another was chosen, answers with what it has.
   */
  last(
    stream: string,
    subject: string,
    options?: Abortable & { readonly consistency?: "leader" | "any" },
  ): Promise<LogRecord | undefined>;
  /** Delivers in order, some records more than once; continues after interruptions; ends by its signal or `close`. */
  consume(stream: string, options: ConsumeOptions): AsyncIterable<LogDelivery>;
  close(): Promise<void>;
}
