import { MpoError, type MpoErrorCode } from "@mpo/core";
import { type Abortable, type Clock, isAbortError, systemClock, throwIfAborted } from "@mpo/io";

export interface BackOff {
  /** Longest wait before the second attempt, milliseconds. Default 500. */
  readonly baseMs?: number;
  /** No wait is longer than this, milliseconds. Default 30 s. */
  readonly capMs?: number;
  /** How many waits there are (attempts less one). Default: without end. */
  readonly waits?: number;
  /** A number from 0 up to 1, as `Math.random` gives. */
  readonly random: () => number;
}

/**
 * Waits between attempts, in milliseconds: the n-th is drawn evenly from 0 to `min(cap, base * 2^n)` ("full jitter"),
 * so that a fleet that lost its server at one moment does not come back at one moment.
 * Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015).
 */
export function* backOffSchedule(backOff: BackOff): Generator<number, void, undefined> {
  const { baseMs = 500, capMs = 30_000, waits = Number.POSITIVE_INFINITY, random } = backOff;
  for (let wait = 0, ceilingMs = baseMs; wait < waits; wait++, ceilingMs = Math.min(capMs, ceilingMs * 2)) {
    yield Math.round(random() * Math.min(capMs, ceilingMs));
  }
}

/** Codes of failures that may be transient. */
const TRANSIENT_CODES: readonly MpoErrorCode[] = ["unavailable", "timed-out"];

/** Whether an error is worth another attempt: `unavailable` or `timed-out`. */
export function isTransient(thrown: unknown): boolean {
  return thrown instanceof MpoError && TRANSIENT_CODES.includes(thrown.code);
}

export interface RetryOptions extends Abortable {
  /** Waits between attempts, milliseconds; when it ends, the last error is thrown. */
  readonly schedule: Iterable<number>;
  /** Default: the system's clock. */
  readonly clock?: Clock;
  /** Default: `isTransient`. */
  readonly isRetryable?: (thrown: unknown) => boolean;
  /** Called before each wait, for a log line. */
  readonly onFailure?: (thrown: unknown, attempt: number, waitMs: number) => void;
}

/**
 * Runs `work` until it succeeds, waiting between attempts as the schedule says. Attempts count from 1. Throws the last
 * error when it is not retryable or the schedule has ended, and at once when the signal aborts.
 */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { schedule, signal, clock = systemClock, isRetryable = isTransient, onFailure } = options;
  const waits = schedule[Symbol.iterator]();
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(signal);
    try {
      return await work(attempt);
    } catch (thrown) {
      throwIfAborted(signal);
      if (isAbortError(thrown) || !isRetryable(thrown)) throw thrown;
      const wait = waits.next();
      if (wait.done === true) throw thrown;
      onFailure?.(thrown, attempt, wait.value);
      await clock.sleep(wait.value, { signal });
    }
  }
}
