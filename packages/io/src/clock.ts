import { setTimeout as systemSleep } from "node:timers/promises";
import { type Abortable, abortError } from "./abort-error.ts";

/** The one way to read time and to wait, so that tests and the simulation can bring their own time. */
export interface Clock {
  /** Wall clock, milliseconds since 1970-01-01 UTC. May jump either way: never use it to measure a duration. */
  now(): number;
  /** Milliseconds since some fixed moment; never goes back. For durations and deadlines. */
  monotonicMs(): number;
  /** Waits `ms` milliseconds (0 or less: one turn of the event loop). Throws `cancelled` or the signal's reason. */
  sleep(ms: number, options?: Abortable): Promise<void>;
}

/** Node's timers end at once when asked to wait longer than this. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, { signal } = {}) => {
    try {
      for (let left = ms; ; left -= LONGEST_TIMER_MS) {
        const part = Math.min(Math.max(left, 0), LONGEST_TIMER_MS);
        await systemSleep(part, undefined, signal === undefined ? {} : { signal });
        if (left <= LONGEST_TIMER_MS) return;
      }
    } catch (thrown) {
      if (signal?.aborted) throw abortError(signal);
      throw thrown;
    }
  },
};
