import { setMaxListeners } from "node:events";
import { MpoError } from "@mpo/core";
import { type Clock, linkSignals, systemClock } from "@mpo/io";
import { AsyncQueue } from "../async-queue.ts";
import type { Notification, NotifyBus, SubscribeOptions } from "../bus/notify-bus.ts";
import { subjectMatches } from "../subject-match.ts";

/** How a `MemoryNotifyHub` misbehaves: chances from 0 to 1 per message and listener. */
export interface BusFaults {
  /** From 0 up to 1; seeded in a simulation. */
  readonly random: () => number;
  /** The message does not come. */
  readonly lose?: number;
  /** The message comes twice. */
  readonly duplicate?: number;
  /** Each copy waits from 0 to this long, so that messages overtake each other. */
  readonly maxDelayMs?: number;
}

export interface MemoryNotifyOptions {
  /** Default: the system's clock. */
  readonly clock?: Clock;
  readonly faults?: BusFaults;
  /** Most messages that wait for one listener. Default 1024. */
  readonly maxWaiting?: number;
}

interface Listener {
  readonly pattern: string;
  readonly queue: AsyncQueue<Notification>;
}

/** The simulation's message server, in this process. */
export class MemoryNotifyHub {
  readonly #listeners = new Set<Listener>();
  readonly #clock: Clock;
  readonly #options: MemoryNotifyOptions;
  readonly #ends = new AbortController();

  constructor(options: MemoryNotifyOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    // Every subscription and every message on its way listens.
    setMaxListeners(0, this.#ends.signal);
  }

  /** A bus as one process has it: closing it leaves the others alone. */
  connect(): NotifyBus {
    const ends = new AbortController();
    setMaxListeners(0, ends.signal);
    return {
      publish: (subject, data) => {
        if (ends.signal.aborted) throw new MpoError("unavailable", "the message bus is closed");
        this.publish(subject, data);
      },
      subscribe: (subject, options) => {
        if (ends.signal.aborted) return Promise.reject(new MpoError("unavailable", "the message bus is closed"));
        return Promise.resolve(this.#subscribe(subject, options, ends.signal));
      },
      close: () => {
        ends.abort();
        return Promise.resolve();
      },
    };
  }

  publish(subject: string, data: Uint8Array): void {
    for (const { pattern, queue } of this.#listeners) {
      if (subjectMatches(pattern, subject)) this.#deliver(queue, { kind: "message", subject, data: data.slice() });
    }
  }

  /** Notifies every listener that it may have missed messages, as a lost connection does. */
  disconnectAll(): void {
    for (const { queue } of this.#listeners) queue.push({ kind: "gap" });
  }

  /** Ends every subscription of every bus. */
  close(): void {
    this.#ends.abort();
  }

  #deliver(queue: AsyncQueue<Notification>, notification: Notification): void {
    const { faults } = this.#options;
    if (faults === undefined) {
      queue.push(notification);
      return;
    }
    const { random, lose = 0, duplicate = 0, maxDelayMs = 0 } = faults;
    const copies = (random() < lose ? 0 : 1) + (random() < duplicate ? 1 : 0);
    for (let copy = 0; copy < copies; copy++) {
      const delayMs = random() * maxDelayMs;
      if (delayMs === 0) queue.push(notification);
      else this.#pushLater(queue, notification, delayMs);
    }
  }

  #pushLater(queue: AsyncQueue<Notification>, notification: Notification, delayMs: number): void {
    this.#clock.sleep(delayMs, { signal: this.#ends.signal }).then(
      () => queue.push(notification),
      () => undefined,
    );
  }

  #subscribe(pattern: string, options: SubscribeOptions, closes: AbortSignal): AsyncIterable<Notification> {
    const linked = linkSignals(options.signal, closes, this.#ends.signal);
    const queue = new AsyncQueue<Notification>({
      maxItems: this.#options.maxWaiting ?? 1024,
      onOverflow: () => ({ kind: "gap" }),
      signal: linked.signal,
    });
    const listener: Listener = { pattern, queue };
    this.#listeners.add(listener);
    const stop = (): void => {
      this.#listeners.delete(listener);
      linked[Symbol.dispose]();
    };
    if (linked.signal.aborted) stop();
    else linked.signal.addEventListener("abort", stop, { once: true });
    return queue;
  }
}
