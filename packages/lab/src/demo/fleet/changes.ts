import { onAbort } from "@mpo/io";

/** Lets many wait for the next change. */
export class Changes {
  readonly #waiting = new Set<() => void>();

  /** Something has changed: all who wait look again. */
  tell(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Waits until `find` finds something. Throws what it throws, and the signal's reason when that aborts. */
  async until<Found>(find: () => Found | undefined, signal: AbortSignal): Promise<Found> {
    for (;;) {
      signal.throwIfAborted();
      const found = find();
      if (found !== undefined) return found;
      await this.#next(signal);
    }
  }

  async #next(signal: AbortSignal): Promise<void> {
    let wake = (): void => undefined;
    const changed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#waiting.add(wake);
    using _listening = onAbort(signal, wake);
    await changed;
    this.#waiting.delete(wake);
  }
}
