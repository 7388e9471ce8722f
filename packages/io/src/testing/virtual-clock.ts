import { type Abortable, abortError } from "../abort-error.ts";
import type { Clock } from "../clock.ts";

interface Sleeper {
  readonly dueMs: number;
  wake(): void;
}

/**
 * A clock that only moves on request: for tests and the deterministic simulation. Sleepers wake in order of their time,
 * then in the order in which they went to sleep; between two wake-ups everything that they set off runs to its end.
 */
export class VirtualClock implements Clock {
  #elapsedMs = 0;
  #wallOffsetMs: number;
  readonly #sleepers = new Set<Sleeper>();

  /** `startMs`: wall clock at the start, milliseconds since 1970-01-01 UTC. */
  constructor(startMs = 0) {
    this.#wallOffsetMs = startMs;
  }

  now(): number {
    return this.#wallOffsetMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  /** How many are asleep. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** When the next sleeper wakes, on the monotonic scale; undefined when there are no sleepers. */
  get nextWakeMs(): number | undefined {
    return this.#next()?.dueMs;
  }

  sleep(ms: number, { signal }: Abortable = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(abortError(signal));
        return;
      }
      const end = (settle: () => void): void => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", onAbort);
        settle();
      };
      const onAbort = (): void => end(() => reject(abortError(signal as AbortSignal)));
      const sleeper: Sleeper = {
        dueMs: this.#elapsedMs + Math.max(0, ms),
        wake: () => end(resolve),
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Lets `ms` milliseconds pass, waking the sleepers whose time comes. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#elapsedMs + ms;
    await settled();
    for (let next = this.#next(); next !== undefined && next.dueMs <= endMs; next = this.#next()) {
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
      next.wake();
      await settled();
    }
    this.#elapsedMs = endMs;
  }

  /** Goes to the next wake-up. Returns false, and does nothing, when there are no sleepers. */
  async step(): Promise<boolean> {
    await settled();
    const next = this.#next();
    if (next === undefined) return false;
    await this.advance(next.dueMs - this.#elapsedMs);
    return true;
  }

  /** Moves the wall clock only, forward or back, as a time server does: no sleeper wakes. */
  jumpWallClock(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  #next(): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      const isEarlier = first === undefined || sleeper.dueMs < first.dueMs;
      // A set keeps the order of insertion, so an equal time never replaces an earlier sleeper.
      if (isEarlier) first = sleeper;
    }
    return first;
  }
}

/** One turn of the event loop: every promise callback that is ready has run by then. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
