import { type LinkedSignal, linkSignals } from "./abort.ts";
import type { Clock } from "./clock.ts";

/** A loop's alarm: it sleeps until its time has come or it is woken. */
export class Wakeup {
  readonly #clock: Clock;
  #isWanted = false;
  #sleep: LinkedSignal | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Wakes the sleeper; when nothing sleeps, the next sleep ends at once. */
  wake(): void {
    this.#isWanted = true;
    this.#sleep?.abort();
  }

  /** Waits `ms` milliseconds, less when woken; returns whether it was. Throws when the signal aborts. */
  async sleep(ms: number, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if (!this.#isWanted) {
      using sleep = linkSignals(signal);
      this.#sleep = sleep;
      try {
        await this.#clock.sleep(ms, { signal: sleep.signal });
      } catch (thrown) {
        if (!sleep.signal.aborted) throw thrown;
      } finally {
        this.#sleep = undefined;
      }
    }
    const wasWoken = this.#isWanted;
    this.#isWanted = false;
    signal.throwIfAborted();
    return wasWoken;
  }
}
