import { setMaxListeners } from "node:events";
import { MpoError } from "@mpo/core";
import { type Clock, linkSignals, systemClock, throwIfAborted } from "@mpo/io";
import { LogStateStore } from "../store/log-state-store.ts";
import type { StateStore } from "../store/state-store.ts";
import { bucketStream, type StoreLayout } from "../store/store-layout.ts";
import type { ConsumeOptions, LogDelivery, LogRecord, LogWrite, StoreLog, Written } from "../store/store-log.ts";
import { subjectMatches } from "../subject-match.ts";
import type { MemoryNotifyHub } from "./memory-notify-bus.ts";
import { MemoryStream, type StoredWrite } from "./memory-stream.ts";
import { drawWriteFault, type StoreFaults } from "./store-faults.ts";

export interface MemoryStateServerOptions {
  readonly layout: StoreLayout;
  /** Default: the system's clock. */
  readonly clock?: Clock;
  readonly faults?: StoreFaults;
  /** Where buckets with a republish rule publish what they stored. */
  readonly hub?: MemoryNotifyHub;
  /** Called with every stored write, in the order in which they were. */
  readonly onStored?: (write: Pick<LogWrite, "subject" | "value">) => void;
}

/** Writes that a crash can take back: all that a simulation makes. */
const MAX_UNDO = 100_000;
/** JetStream's own default. */
const BUCKET_DUPLICATE_WINDOW_MS = 120_000;

interface PastWrite {
  readonly stream: string;
  readonly stored: StoredWrite;
}

/**
 * The simulation's JetStream, in this process: deterministic for a given clock and random, and able to misbehave as the
 * real one does (deploy/decisions/4-jetstream-with-fences.md). Many stores connect to one server.
 */
export class MemoryStateServer {
  readonly #options: MemoryStateServerOptions;
  readonly #clock: Clock;
  readonly #streams = new Map<string, MemoryStream>();
  readonly #republish = new Map<string, { readonly src: string; readonly dest: string }>();
  readonly #waiting = new Set<() => void>();
  #past: PastWrite[] = [];
  #isUp = true;
  /** Counts crashes: an answer from before a crash never comes. */
  #life = 0;
  /** Counts the crashes that took writes back. */
  #rewinds = 0;
  #ids = 0;

  constructor(options: MemoryStateServerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    for (const { name, history, maxBytes, republish } of options.layout.buckets) {
      const stream = new MemoryStream({
        maxPerSubject: history,
        maxAgeMs: Number.POSITIVE_INFINITY,
        maxBytes,
        duplicateWindowMs: BUCKET_DUPLICATE_WINDOW_MS,
      });
      this.#streams.set(bucketStream(name), stream);
      if (republish !== undefined) this.#republish.set(bucketStream(name), republish);
    }
    for (const { name, maxAgeMs, maxBytes, duplicateWindowMs } of options.layout.streams) {
      const stream = new MemoryStream({
        maxPerSubject: Number.POSITIVE_INFINITY,
        maxAgeMs: maxAgeMs ?? Number.POSITIVE_INFINITY,
        maxBytes,
        duplicateWindowMs,
      });
      this.#streams.set(name, stream);
    }
  }

  /** A store as one process has it: closing it leaves the others alone. */
  connect(): StateStore {
    const ends = new AbortController();
    setMaxListeners(0, ends.signal);
    const random = this.#options.faults?.random ?? ((): number => 0.5);
    const guarded = async <T>(signal: AbortSignal | undefined, work: (both: AbortSignal) => Promise<T>): Promise<T> => {
      using linked = linkSignals(signal, ends.signal);
      throwIfAborted(linked.signal);
      return await work(linked.signal);
    };
    const log: StoreLog = {
      write: (write, options = {}) => guarded(options.signal, (signal) => this.#write(write, signal)),
      last: (stream, subject, options = {}) =>
        guarded(options.signal, (signal) =>
          this.#read(signal, () => this.#last(stream, subject, options.consistency ?? "leader")),
        ),
      consume: (stream, options) => this.#consume(stream, options, ends.signal),
      close: () => {
        ends.abort();
        return Promise.resolve();
      },
    };
    const newId = (): string => `w${++this.#ids}`;
    const isCluster = (this.#options.faults?.staleLeader ?? 0) > 0;
    return new LogStateStore({ log, layout: this.#options.layout, clock: this.#clock, random, newId, isCluster });
  }

  /**
   * Stops answering. `loseNewest` writes, over all streams, had not reached the disk and are gone, acknowledged or not:
   * 0 is a server that syncs always, more is a power cut without it, or a restored older copy of the store; infinity is
   * a store that was deleted.
   */
  crash({ loseNewest = 0 }: { readonly loseNewest?: number } = {}): void {
    this.#isUp = false;
    this.#life++;
    const lost = loseNewest === 0 ? [] : this.#past.splice(-loseNewest).reverse();
    for (const { stream, stored } of lost) this.#stream(stream).undo(stored);
    if (lost.length > 0) this.#rewinds++;
    this.#options.hub?.disconnectAll();
  }

  /** Answers again. Watches continue on their own. */
  restart(): void {
    this.#isUp = true;
    this.#wake();
  }

  #stream(name: string): MemoryStream {
    const found = this.#streams.get(name);
    if (found === undefined) throw new MpoError("not-found", `there is no stream ${name}`);
    return found;
  }

  async #write(write: LogWrite, signal: AbortSignal): Promise<Written> {
    await this.#delay(signal);
    this.#checkUp();
    const fault = drawWriteFault(this.#options.faults, write.expected !== undefined);
    if (fault === "conflict-though-right") throw new MpoError("conflict", "wrong last sequence (spurious)");
    if (fault === "timeout-not-stored") return await this.#noAnswer(signal);
    if (fault === "stored-after-timeout") {
      this.#storeLater(write);
      return await this.#noAnswer(signal);
    }
    const life = this.#life;
    const answer = this.#store(write);
    if (fault === "timeout-though-stored") return await this.#noAnswer(signal);
    if (fault === "conflict-though-stored") throw new MpoError("conflict", "wrong last sequence (spurious)");
    await this.#delay(signal);
    if (life !== this.#life) return await this.#noAnswer(signal);
    return answer;
  }

  #store(write: LogWrite): Written {
    const stored = this.#stream(write.stream).store(write, this.#clock.now());
    if ("duplicateOf" in stored) return { sequence: stored.duplicateOf, isDuplicate: true };
    this.#past.push({ stream: write.stream, stored });
    if (this.#past.length > 2 * MAX_UNDO) this.#past = this.#past.slice(-MAX_UNDO);
    const rule = this.#republish.get(write.stream);
    const subject = rule === undefined ? undefined : republished(rule, write.subject);
    if (subject !== undefined) this.#options.hub?.publish(subject, write.value);
    this.#options.onStored?.(write);
    this.#wake();
    return { sequence: stored.record.sequence, isDuplicate: false };
  }

  #storeLater(write: LogWrite): void {
    const { random = (): number => 0, timeoutMs = 5000 } = this.#options.faults ?? {};
    const life = this.#life;
    this.#clock
      .sleep(timeoutMs * (1 + random()))
      .then(
        () => {
          if (this.#isUp && life === this.#life) this.#store(write);
        },
        () => undefined,
      )
      .catch(() => undefined);
  }

  #last(stream: string, subject: string, consistency: "leader" | "any"): LogRecord | undefined {
    const { random = (): number => 1, staleGet = 0, staleLeader = 0 } = this.#options.faults ?? {};
    const chance = consistency === "any" ? staleGet : staleLeader;
    const isStale = chance > 0 && random() < chance;
    return this.#stream(stream).last(subject, this.#clock.now(), isStale ? 1 : 0);
  }

  async #read<T>(signal: AbortSignal, work: () => T): Promise<T> {
    const { random = (): number => 1, readTimeout = 0 } = this.#options.faults ?? {};
    await this.#delay(signal);
    this.#checkUp();
    if (readTimeout > 0 && random() < readTimeout) return await this.#noAnswer(signal);
    return work();
  }

  async *#consume(
    name: string,
    { subject, from, signal: own }: ConsumeOptions,
    closes: AbortSignal,
  ): AsyncGenerator<LogDelivery, void, undefined> {
    using linked = linkSignals(own, closes);
    const { signal } = linked;
    const { random = (): number => 1, duplicateDelivery = 0 } = this.#options.faults ?? {};
    const stream = this.#stream(name);
    const isLastOnly = from === "last-per-subject";
    for (let isAgain = false; !signal.aborted; isAgain = true) {
      if (isAgain) yield { kind: "reset" };
      const rewinds = this.#rewinds;
      let cursor = isLastOnly ? 0 : from - 1;
      let startEnd: number | undefined;
      let isCaughtUp = false;
      while (rewinds === this.#rewinds && !signal.aborted) {
        if (this.#isUp) startEnd ??= stream.lastSequence;
        if (!this.#isUp || cursor >= stream.lastSequence) {
          if (this.#isUp && !isCaughtUp) {
            isCaughtUp = true;
            yield { kind: "caught-up" };
          } else await this.#change(signal);
          continue;
        }
        stream.expire(this.#clock.now());
        const record = stream.at(++cursor);
        const isOld = isLastOnly && cursor <= (startEnd ?? 0) && record !== undefined && !stream.isNewest(record);
        if (record !== undefined && !isOld && subjectMatches(subject, record.subject)) {
          await this.#delay(signal).catch(() => undefined);
          if (signal.aborted || rewinds !== this.#rewinds) break;
          yield { kind: "record", record };
          if (duplicateDelivery > 0 && random() < duplicateDelivery) yield { kind: "record", record };
        }
        if (!isCaughtUp && cursor >= (startEnd ?? 0)) {
          isCaughtUp = true;
          yield { kind: "caught-up" };
        }
      }
    }
  }

  /** Waits until something is stored or the server comes back, or for the signal. */
  async #change(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        this.#waiting.delete(end);
        signal.removeEventListener("abort", end);
        resolve();
      };
      this.#waiting.add(end);
      signal.addEventListener("abort", end, { once: true });
    });
  }

  #wake(): void {
    for (const end of [...this.#waiting]) end();
  }

  async #delay(signal: AbortSignal): Promise<void> {
    const { random = (): number => 0, maxDelayMs = 0 } = this.#options.faults ?? {};
    if (maxDelayMs > 0) await this.#clock.sleep(random() * maxDelayMs, { signal });
  }

  async #noAnswer(signal: AbortSignal): Promise<never> {
    await this.#clock.sleep(this.#options.faults?.timeoutMs ?? 5000, { signal });
    throw new MpoError("timed-out", "the store did not answer");
  }

  #checkUp(): void {
    if (!this.#isUp) throw new MpoError("unavailable", "the store is down");
  }
}

/**
 * The subject that a republish rule gives, for rules of the form `prefix.>` to `prefix.>`; undefined when the subject
 * does not fall under it.
 */
function republished(rule: { readonly src: string; readonly dest: string }, subject: string): string | undefined {
  const src = rule.src.replace(/>$/u, "");
  return subjectMatches(rule.src, subject) ? rule.dest.replace(/>$/u, "") + subject.slice(src.length) : undefined;
}
