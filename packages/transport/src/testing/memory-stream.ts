import { MpoError } from "@mpo/core";
import type { LogRecord, LogWrite } from "../store/store-log.ts";

/** What a memory stream keeps; see `BucketSettings` and `StreamSettings`. */
export interface MemoryStreamLimits {
  readonly maxPerSubject: number;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  readonly duplicateWindowMs: number;
}

/** One write, so that it can be taken back. */
export interface StoredWrite {
  readonly record: LogRecord;
  readonly removed: readonly LogRecord[];
}

/** A record without its value and subject still takes this much. */
const RECORD_BYTES = 40;

/** One stream of the simulation's store: what JetStream keeps on disk. It always behaves; `MemoryStateServer` does not. */
export class MemoryStream {
  readonly #limits: MemoryStreamLimits;
  readonly #records = new Map<number, LogRecord>();
  readonly #bySubject = new Map<string, number[]>();
  readonly #ids = new Map<string, { readonly sequence: number; readonly atMs: number }>();
  #lastSequence = 0;
  #bytes = 0;

  constructor(limits: MemoryStreamLimits) {
    this.#limits = limits;
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Stores a message, or finds it stored before. Throws `conflict` and `over-budget` as JetStream does. */
  store(write: LogWrite, nowMs: number): StoredWrite | { readonly duplicateOf: number } {
    this.expire(nowMs);
    const { subject, value, writeId, expected, expectedOf = subject, isDelete = false } = write;
    const newest = this.#bySubject.get(expectedOf)?.at(-1) ?? 0;
    // JetStream compares the expectation before it looks for the id (seen with nats-server 2.12.15).
    if (expected !== undefined && expected !== newest) {
      throw new MpoError("conflict", `wrong last sequence: ${newest}`);
    }
    const known = this.#ids.get(writeId);
    if (known !== undefined) return { duplicateOf: known.sequence };
    const removed: LogRecord[] = [];
    const record: LogRecord = {
      subject,
      value: value.slice(),
      writeId,
      isDelete,
      sequence: this.#lastSequence + 1,
      storedAtMs: nowMs,
      ...(expected === undefined ? {} : { expected }),
    };
    this.#makeRoom(record, removed);
    this.#lastSequence = record.sequence;
    this.#add(record);
    this.#ids.set(writeId, { sequence: record.sequence, atMs: nowMs });
    return { record, removed };
  }

  /** Takes back the newest write, as if it had never reached the disk. */
  undo({ record, removed }: StoredWrite): void {
    this.#remove(record);
    this.#lastSequence = record.sequence - 1;
    if (record.writeId !== undefined) this.#ids.delete(record.writeId);
    for (const old of removed) this.#add(old);
  }

  /** The newest record of a subject, or the one `back` before it. */
  last(subject: string, nowMs: number, back = 0): LogRecord | undefined {
    this.expire(nowMs);
    const sequence = this.#bySubject.get(subject)?.at(-1 - back);
    return sequence === undefined ? undefined : this.#records.get(sequence);
  }

  /** The record at a sequence, if it is kept. */
  at(sequence: number): LogRecord | undefined {
    return this.#records.get(sequence);
  }

  /** Whether a record is the newest of its subject. */
  isNewest(record: LogRecord): boolean {
    return this.#bySubject.get(record.subject)?.at(-1) === record.sequence;
  }

  /** Removes what is too old, and forgets ids beyond the duplicate window. */
  expire(nowMs: number): void {
    const { maxAgeMs, duplicateWindowMs } = this.#limits;
    for (const [id, { atMs }] of this.#ids) {
      if (nowMs - atMs <= duplicateWindowMs) break;
      this.#ids.delete(id);
    }
    if (maxAgeMs === Number.POSITIVE_INFINITY) return;
    for (const record of this.#records.values()) {
      if (nowMs - record.storedAtMs <= maxAgeMs) break;
      this.#remove(record);
    }
  }

  #makeRoom(record: LogRecord, removed: LogRecord[]): void {
    const { maxPerSubject, maxBytes } = this.#limits;
    const ofSubject = this.#bySubject.get(record.subject) ?? [];
    const oldest = ofSubject.length >= maxPerSubject ? this.#records.get(ofSubject[0] as number) : undefined;
    const freed = oldest === undefined ? 0 : bytesOf(oldest);
    if (this.#bytes - freed + bytesOf(record) > maxBytes) {
      throw new MpoError("over-budget", `the stream is full: ${this.#bytes} of ${maxBytes} bytes`);
    }
    if (oldest === undefined) return;
    this.#remove(oldest);
    removed.push(oldest);
  }

  #add(record: LogRecord): void {
    this.#records.set(record.sequence, record);
    const sequences = this.#bySubject.get(record.subject) ?? [];
    // A record that comes back after `undo` is older than what is there.
    const isOlder = (sequences.at(-1) ?? 0) > record.sequence;
    sequences.push(record.sequence);
    if (isOlder) sequences.sort((left, right) => left - right);
    this.#bySubject.set(record.subject, sequences);
    this.#bytes += bytesOf(record);
  }

  #remove(record: LogRecord): void {
    if (!this.#records.delete(record.sequence)) return;
    this.#bytes -= bytesOf(record);
    const left = (this.#bySubject.get(record.subject) ?? []).filter((each) => each !== record.sequence);
    if (left.length === 0) this.#bySubject.delete(record.subject);
    else this.#bySubject.set(record.subject, left);
  }
}

function bytesOf({ subject, value }: LogRecord): number {
  return subject.length + value.length + RECORD_BYTES;
}
