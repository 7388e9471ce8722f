import { setMaxListeners } from "node:events";
import { MpoError } from "@mpo/core";
import { abortError, type Clock, linkSignals, withDeadline } from "@mpo/io";
import { subjectMatches } from "../subject-match.ts";
import { FenceSlots, fenceSubject, isFenceKey, readFenceSubject } from "./fence-slots.ts";
import { confirmedLast, type ReadConfirmOptions, resolveAppend, resolveCompareAndSet } from "./resolve-write.ts";
import type * as port from "./state-store.ts";
import { bucketOf, bucketStream, keySubject, type StoreLayout, streamOf } from "./store-layout.ts";
import type { LogRecord, LogWrite, StoreLog } from "./store-log.ts";

export interface LogStateStoreOptions {
  readonly log: StoreLog;
  readonly layout: StoreLayout;
  readonly clock: Clock;
  /** From 0 up to 1: jitter. */
  readonly random: () => number;
  /** A unique name for a write. */
  readonly newId: () => string;
  /** Whether several servers have each stream, so that one that leads no more may answer a read. Default false. */
  readonly isCluster?: boolean;
}

const DEFAULT_LIMIT = 1000;
/** How long `keys` and `read` may take. */
const LIST_TIMEOUT_MS = 30_000;
/** NATS ADR-8: keys are subjects without wildcards. */
const KEY = /^[-/_=a-zA-Z0-9]+(?:\.[-/_=a-zA-Z0-9]+)*$/u;
const MAX_KEY_LENGTH = 512;

/** The state store's rules over any log: JetStream's own or the simulation's. See `StateStore`. */
export class LogStateStore implements port.StateStore {
  readonly #options: LogStateStoreOptions;
  readonly #fences: FenceSlots;
  readonly #owner: string;
  readonly #ends = new AbortController();

  constructor(options: LogStateStoreOptions) {
    this.#options = options;
    this.#owner = options.newId();
    this.#fences = new FenceSlots(this.#owner);
    // Every call in flight listens.
    setMaxListeners(0, this.#ends.signal);
  }

  async get(bucket: string, key: string, options: port.ReadOptions = {}): Promise<port.StoreEntry | undefined> {
    const { subject, stream } = this.#place(bucket, key);
    this.#checkOpen();
    const { consistency = "leader", ...call } = options;
    const found =
      consistency === "confirmed"
        ? await this.#resolving(bucket, call, (resolve) =>
            confirmedLast(this.#options.log, { stream, subject }, resolve),
          )
        : await this.#options.log.last(stream, subject, { ...call, consistency });
    return found === undefined || found.isDelete ? undefined : entryOf(key, found);
  }

  put(bucket: string, key: string, value: Uint8Array, options: port.StoreCallOptions = {}): Promise<number> {
    return this.#write(bucket, key, { value }, options);
  }

  async create(bucket: string, key: string, value: Uint8Array, options: port.StoreCallOptions = {}): Promise<number> {
    const { subject, stream } = this.#place(bucket, key);
    this.#checkOpen();
    const found = await this.#options.log.last(stream, subject, options);
    if (found !== undefined && !found.isDelete) {
      throw new MpoError("conflict", `${key} of ${bucket} exists, at revision ${found.sequence}`);
    }
    return this.#write(bucket, key, { value, expected: found?.sequence ?? 0 }, options);
  }

  update(
    bucket: string,
    key: string,
    value: Uint8Array,
    expectedRevision: number,
    options: port.StoreCallOptions = {},
  ): Promise<number> {
    if (!Number.isSafeInteger(expectedRevision) || expectedRevision < 1) {
      const message = `expectedRevision of ${key} is ${expectedRevision}; expected a revision that get, put or create returned`;
      return Promise.reject(new MpoError("invalid-argument", message));
    }
    return this.#write(bucket, key, { value, expected: expectedRevision }, options);
  }

  async delete(bucket: string, key: string, options: port.DeleteOptions = {}): Promise<void> {
    const { expectedRevision } = options;
    const expected = expectedRevision === undefined ? {} : { expected: expectedRevision };
    await this.#write(bucket, key, { value: new Uint8Array(), isDelete: true, ...expected }, options);
  }

  async keys(
    bucket: string,
    options: port.StoreCallOptions & { readonly keys?: string } = {},
  ): Promise<readonly string[]> {
    const found = new Set<string>();
    await this.#whole(`listing ${bucket}`, options, async (signal) => {
      const watched = options.keys === undefined ? { signal } : { signal, keys: options.keys };
      for await (const change of this.watch(bucket, watched)) {
        if (change.kind === "put") found.add(change.entry.key);
        else if (change.kind === "delete") found.delete(change.key);
        else if (change.kind === "reset") found.clear();
        else return true;
      }
      return false;
    });
    return [...found].sort();
  }

  async *watch(bucket: string, options: port.WatchOptions): AsyncGenerator<port.StoreChange, void, undefined> {
    bucketOf(this.#options.layout, bucket);
    this.#checkOpen();
    using linked = linkSignals(options.signal, this.#ends.signal);
    const prefix = keySubject(bucket, "");
    const subject = `${prefix}${options.keys ?? ">"}`;
    const consumed = { subject, from: "last-per-subject", signal: linked.signal } as const;
    for await (const delivery of this.#options.log.consume(bucketStream(bucket), consumed)) {
      if (delivery.kind !== "record") yield delivery;
      else {
        const key = delivery.record.subject.slice(prefix.length);
        if (isFenceKey(key)) continue;
        if (delivery.record.isDelete) yield { kind: "delete", key, revision: delivery.record.sequence };
        else yield { kind: "put", entry: entryOf(key, delivery.record) };
      }
    }
  }

  async append(
    stream: string,
    subject: string,
    value: Uint8Array,
    options: port.AppendOptions = {},
  ): Promise<port.Appended> {
    const { subjects, maxValueBytes } = streamOf(this.#options.layout, stream);
    if (!subjects.some((pattern) => subjectMatches(pattern, subject))) {
      throw new MpoError("invalid-argument", `stream ${stream} takes ${subjects.join(", ")}; not ${subject}`);
    }
    checkLength(subject, value, maxValueBytes);
    const id = options.id ?? this.#options.newId();
    const write = { stream, subject, value, writeId: `${subject}:${id}` };
    return await this.#resolving(undefined, options, (resolve) => resolveAppend(this.#options.log, write, resolve));
  }

  async read(stream: string, options: port.ReadEventsOptions = {}): Promise<readonly port.StreamEvent[]> {
    const { from = 1, subject = ">", limit = DEFAULT_LIMIT } = options;
    streamOf(this.#options.layout, stream);
    const events: port.StreamEvent[] = [];
    if (limit < 1) return events;
    await this.#whole(`reading ${stream}`, options, async (signal) => {
      let newest = 0;
      for await (const delivery of this.#options.log.consume(stream, { subject, from, signal })) {
        if (delivery.kind === "caught-up") return true;
        if (delivery.kind === "reset") {
          events.length = 0;
          newest = 0;
        } else if (delivery.record.sequence > newest) {
          newest = delivery.record.sequence;
          events.push(eventOf(delivery.record));
          if (events.length === limit) return true;
        }
      }
      return false;
    });
    return events;
  }

  async *follow(stream: string, options: port.FollowOptions): AsyncGenerator<port.StreamEvent, void, undefined> {
    streamOf(this.#options.layout, stream);
    this.#checkOpen();
    using linked = linkSignals(options.signal, this.#ends.signal);
    const { from = 1, subject = ">" } = options;
    for await (const delivery of this.#options.log.consume(stream, { subject, from, signal: linked.signal })) {
      if (delivery.kind === "record") yield eventOf(delivery.record);
    }
  }

  async close(): Promise<void> {
    if (this.#ends.signal.aborted) return;
    this.#ends.abort();
    await this.#options.log.close();
  }

  #place(bucket: string, key: string): { readonly stream: string; readonly subject: string } {
    bucketOf(this.#options.layout, bucket);
    if (key.length > MAX_KEY_LENGTH || isFenceKey(key) || !KEY.test(key)) {
      const shown = JSON.stringify(key.slice(0, 80));
      throw new MpoError(
        "invalid-argument",
        `${shown} is not a valid key; expected parts of A-Z a-z 0-9 _ - / = between dots`,
      );
    }
    return { stream: bucketStream(bucket), subject: keySubject(bucket, key) };
  }

  async #write(
    bucket: string,
    key: string,
    write: Pick<LogWrite, "value" | "expected" | "isDelete">,
    options: port.StoreCallOptions,
  ): Promise<number> {
    const place = this.#place(bucket, key);
    checkLength(`${key} of ${bucket}`, write.value, bucketOf(this.#options.layout, bucket).maxValueBytes);
    const { log, newId } = this.#options;
    const takeFence = (): { readonly subject: string; release(): void } => {
      const slot = this.#fences.take();
      return { subject: fenceSubject(bucket, slot), release: slot.release };
    };
    const { expected, ...rest } = { ...place, ...write, writeId: newId() };
    return await this.#resolving(bucket, options, async (resolve) => {
      if (expected !== undefined) {
        return await resolveCompareAndSet(log, { ...rest, expected }, { ...resolve, takeFence });
      }
      return (await resolveAppend(log, rest, resolve)).sequence;
    });
  }

  async #resolving<T>(
    bucket: string | undefined,
    options: port.StoreCallOptions,
    work: (resolve: ReadConfirmOptions) => Promise<T>,
  ): Promise<T> {
    this.#checkOpen();
    const { clock, random, newId, isCluster = false } = this.#options;
    const readFence = isCluster && bucket !== undefined ? readFenceSubject(bucket, this.#owner) : undefined;
    using linked = linkSignals(options.signal, this.#ends.signal);
    return await work({ clock, random, newId, readFence, signal: linked.signal });
  }

  /** Runs a reading that must reach its end; one that ended early was ended by a signal. */
  async #whole(
    what: string,
    options: port.StoreCallOptions,
    work: (signal: AbortSignal) => Promise<boolean>,
  ): Promise<void> {
    this.#checkOpen();
    const { clock } = this.#options;
    using linked = linkSignals(options.signal, this.#ends.signal);
    await withDeadline(
      what,
      LIST_TIMEOUT_MS,
      async (signal) => {
        if (!(await work(signal))) throw abortError(signal);
      },
      { clock, signal: linked.signal },
    );
  }

  #checkOpen(): void {
    if (this.#ends.signal.aborted) throw new MpoError("unavailable", "the state store is closed");
  }
}

function checkLength(what: string, value: Uint8Array, maxBytes: number): void {
  if (value.length <= maxBytes) return;
  throw new MpoError("invalid-argument", `${what} has ${value.length} bytes; expected at most ${maxBytes}`);
}

function entryOf(key: string, { value, sequence, storedAtMs }: LogRecord): port.StoreEntry {
  return { key, value, revision: sequence, storedAtMs };
}

function eventOf({ subject, value, sequence, storedAtMs }: LogRecord): port.StreamEvent {
  return { subject, value, sequence, storedAtMs };
}
