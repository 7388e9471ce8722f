import { hasCode, MpoError } from "@mpo/core";
import { type Abortable, type Clock, throwIfAborted } from "@mpo/io";
import { backOffSchedule } from "@mpo/runtime";
import type { LogRecord, LogWrite, StoreLog, Written } from "./store-log.ts";

/** What a write needs in addition to the log. */
export interface ResolveOptions extends Abortable {
  readonly clock: Clock;
  /** From 0 up to 1: the jitter of waits. */
  readonly random: () => number;
  /** A unique name for a write. */
  readonly newId: () => string;
}

export interface ReadConfirmOptions extends ResolveOptions {
  /** A subject of the stream for confirmations alone; undefined: one server has the stream, and there is nothing to confirm. */
  readonly readFence: string | undefined;
}

export interface CompareAndSetOptions extends ReadConfirmOptions {
  /** Gives a subject of the write's stream, for this write alone; `release` when what was sent there has arrived. */
  readonly takeFence: () => { readonly subject: string; release(): void };
}

/** A write with an expectation: a compare-and-set. */
type ExpectingWrite = LogWrite & { readonly expected: number };

/** What became of a write whose answer is not to be trusted. */
type Finding = { readonly stored: number } | { readonly lostTo: number } | "never-stored";

const WAITS = { baseMs: 50, capMs: 1000, waits: 5 } as const;
const UNCERTAIN = ["conflict", "timed-out", "unavailable"];

/** Stores a message that expects nothing. Sending it again is safe: the same id is stored once. */
export async function resolveAppend(log: StoreLog, write: LogWrite, options: ResolveOptions): Promise<Written> {
  const { clock, random, signal } = options;
  const waits = backOffSchedule({ ...WAITS, random });
  for (;;) {
    throwIfAborted(signal);
    try {
      return await log.write(write, options);
    } catch (thrown) {
      const failure = uncertain(thrown);
      const wait = waits.next();
      if (wait.done === true) throw unknown(write, failure);
      await clock.sleep(wait.value, { signal });
    }
  }
}

/**
 * Stores a message if its expectation holds, and finds out whether it was stored. The answers "wrong last sequence" and
 * no answer at all are both taken as unknown (nats-server #7281): the leader is asked, and our own id decides. Returns
 * the sequence. Throws `conflict` only when this write did not happen and never will; what is UNKNOWN (the server could
 * not be reached any more) throws as it came.
 */
export async function resolveCompareAndSet(
  log: StoreLog,
  write: ExpectingWrite,
  options: CompareAndSetOptions,
): Promise<number> {
  const { clock, random, signal, newId, takeFence } = options;
  const waits = backOffSchedule({ ...WAITS, random });
  let attempt = write;
  let fence: ReturnType<CompareAndSetOptions["takeFence"]> | undefined;
  let isFenceLost = false;
  let failure: MpoError | undefined;
  for (;;) {
    throwIfAborted(signal);
    try {
      if (failure === undefined) return (await log.write(attempt, options)).sequence;
      fence ??= takeFence();
      const finding = await find(log, attempt, fence.subject, options);
      // After a lost answer a fence may still be on its way: nothing else may use its subject.
      if (!isFenceLost) fence.release();
      fence = undefined;
      isFenceLost = false;
      if (finding !== "never-stored") {
        if ("stored" in finding) return finding.stored;
        throw conflict(write, finding.lostTo, failure);
      }
      failure = undefined;
      attempt = { ...attempt, writeId: newId() };
    } catch (thrown) {
      if (failure !== undefined && hasCode(thrown, "conflict")) throw thrown;
      isFenceLost = failure !== undefined;
      // The first failure stays: until it is decided what became of the write, it is not sent again.
      failure ??= uncertain(thrown);
    }
    const wait = waits.next();
    if (wait.done === true) throw unknown(write, failure ?? new MpoError("unavailable", "the store refused it"));
    await clock.sleep(wait.value, { signal });
  }
}

/**
 * The newest record of a subject, as a majority has it. A leader that does not know yet that it was replaced answers reads
 * with what it has (seen with nats-server 2.12.15 after a SIGSTOP), but it stores nothing: so a message is stored, on a
 * subject apart, that expects what was read.
 */
export async function confirmedLast(
  log: StoreLog,
  { stream, subject }: Pick<LogWrite, "stream" | "subject">,
  options: ReadConfirmOptions,
): Promise<LogRecord | undefined> {
  const { clock, random, signal, newId, readFence } = options;
  const waits = backOffSchedule({ ...WAITS, random });
  for (;;) {
    const found = await log.last(stream, subject, options);
    if (readFence === undefined) return found;
    const fence = { stream, subject: readFence, value: new Uint8Array(), writeId: newId(), isDelete: true };
    try {
      await log.write({ ...fence, expected: found?.sequence ?? 0, expectedOf: subject }, options);
      return found;
    } catch (thrown) {
      // A full stream takes nothing, and is read all the same.
      if (hasCode(thrown, "over-budget")) return found;
      const failure = uncertain(thrown);
      const wait = waits.next();
      if (wait.done === true) throw unconfirmed(subject, failure);
      await clock.sleep(wait.value, { signal });
    }
  }
}

/**
 * Finds out whether a write was stored. The fence is a message with the write's id on another subject. JetStream stores
 * an id once: either it reports the write as stored, or it stores the fence, and the write can never be stored later.
 * A fence whose own answer was lost is found on its subject, which is this write's alone.
 * Not seen: a write that was stored, overwritten, and then forgotten by a restart of the server within seconds.
 */
async function find(
  log: StoreLog,
  write: ExpectingWrite,
  fence: string,
  options: ReadConfirmOptions,
): Promise<Finding> {
  const { stream, subject, writeId, expected } = write;
  const newest = await log.last(stream, subject, options);
  if (newest?.writeId === writeId) return { stored: newest.sequence };
  const lostTo = { lostTo: newest?.sequence ?? 0 };
  // Only one write can follow what we expected, and it was another's. (Cheap, and the usual case in a race.)
  if (newest?.expected === expected) return lostTo;
  const fenced = await log.write({ stream, subject: fence, value: new Uint8Array(), writeId, isDelete: true }, options);
  if (fenced.isDuplicate && (await confirmedLast(log, { stream, subject: fence }, options))?.writeId !== writeId) {
    return { stored: fenced.sequence };
  }
  return (newest?.sequence ?? 0) === expected ? "never-stored" : lostTo;
}

function uncertain(thrown: unknown): MpoError {
  const failure = MpoError.from(thrown);
  if (!UNCERTAIN.includes(failure.code)) throw failure;
  return failure;
}

function conflict({ subject, expected }: ExpectingWrite, newest: number, cause: unknown): MpoError {
  return new MpoError(
    "conflict",
    `${subject} is at revision ${newest}; this write expected ${expected === 0 ? "none" : expected}`,
    { cause, hint: "Read it again, then decide again." },
  );
}

function unconfirmed(subject: string, failure: MpoError): MpoError {
  const code = failure.code === "conflict" ? "timed-out" : failure.code;
  return new MpoError(code, `what was read of ${subject} could not be confirmed: ${failure.message}`, {
    cause: failure,
  });
}

function unknown({ subject }: LogWrite, failure: MpoError): MpoError {
  const code = failure.code === "conflict" ? "timed-out" : failure.code;
  return new MpoError(code, `it is not known whether ${subject} was written: ${failure.message}`, {
    cause: failure,
    hint: "Read it again from the leader and decide from what is there.",
  });
}
