import { formatDuration, MpoError, SECOND_MS } from "@mpo/core";
import { type Abortable, abortError, isAbortError, throwIfAborted } from "./abort-error.ts";
import { type Clock, systemClock } from "./clock.ts";

/** Calls `listener` once the signal aborts, at once if it has; dispose of it to be left alone. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): Disposable {
  if (signal?.aborted) listener();
  else signal?.addEventListener("abort", listener, { once: true });
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", listener) };
}

/** Waits for work that may take its time to notice a signal, or none: throws as soon as the signal aborts. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  let giveUp = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => reject(abortError(signal as AbortSignal));
  });
  using _listening = onAbort(signal, giveUp);
  return await Promise.race([work, aborted]);
}

/** A signal that listens to others until it is disposed of: use with `using`, or call `dispose` in a `finally`. */
export interface LinkedSignal extends Disposable {
  readonly signal: AbortSignal;
  /** Aborts the linked signal only; the others stay as they are. */
  abort(reason?: unknown): void;
}

/**
 * A signal that aborts as soon as one of `signals` does, with its reason. Unlike `AbortSignal.any`, its listeners are
 * gone after disposal: a signal that lives as long as the process does not collect one listener per call.
 */
export function linkSignals(...signals: readonly (AbortSignal | undefined)[]): LinkedSignal {
  const controller = new AbortController();
  const listening = signals.map((signal) => onAbort(signal, () => controller.abort(signal?.reason)));
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    [Symbol.dispose]: () => {
      for (const one of listening) one[Symbol.dispose]();
    },
  };
}

export interface DeadlineOptions extends Abortable {
  /** Default: the system's clock. */
  readonly clock?: Clock;
}

const SHOWN_IN_SECONDS_FROM_MS = 10_000;

function shownMs(ms: number): string {
  return ms < SHOWN_IN_SECONDS_FROM_MS ? `${Math.round(ms)} ms` : formatDuration(ms / SECOND_MS);
}

/**
 * Runs `work` with a signal that aborts after `ms` milliseconds or with `options.signal`. `work` must obey its signal:
 * this waits for it to end, so nothing runs on afterwards. Throws `timed-out`, naming `what`, if the deadline ended it.
 */
export async function withDeadline<T>(
  what: string,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  options: DeadlineOptions = {},
): Promise<T> {
  using linked = linkSignals(options.signal);
  const clock = options.clock ?? systemClock;
  const stopTimer = new AbortController();
  const timer = clock.sleep(ms, { signal: stopTimer.signal }).then(
    () => linked.abort(new MpoError("timed-out", `${what} did not end within ${shownMs(ms)}`)),
    () => undefined,
  );
  try {
    throwIfAborted(linked.signal);
    return await work(linked.signal);
  } catch (thrown) {
    if (linked.signal.aborted && isAbortError(thrown)) throw abortError(linked.signal);
    throw thrown;
  } finally {
    stopTimer.abort();
    await timer;
  }
}
