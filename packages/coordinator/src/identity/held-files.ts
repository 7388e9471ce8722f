import { type Abortable, type Clock, Listeners } from "@mpo/io";
import type { Logger } from "@mpo/runtime";
import { watchFiles } from "./watch-files.ts";

interface HeldFilesOptions<Value> {
  readonly paths: readonly string[];
  /** Throws for what is of no use. */
  readonly read: (options: Abortable & { readonly nowMs: number }) => Promise<Value>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What some files say that others change: what was good last, also while they are half written. */
export class HeldFiles<Value> {
  readonly #options: HeldFilesOptions<Value>;
  readonly #listeners = new Listeners();
  #value: Value;

  private constructor(options: HeldFilesOptions<Value>, value: Value) {
    this.#options = options;
    this.#value = value;
  }

  static async open<Value>(options: HeldFilesOptions<Value>, signal?: AbortSignal): Promise<HeldFiles<Value>> {
    return new HeldFiles(options, await options.read({ nowMs: options.clock.now(), signal }));
  }

  current(): Value {
    return this.#value;
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Reads them again when they were changed, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { paths, read, clock, logger } = this.#options;
    await watchFiles(paths, { clock, signal }, async () => {
      try {
        this.#value = await read({ nowMs: clock.now(), signal });
        this.#listeners.call();
        logger.info("files were changed, and are in use", { files: paths });
      } catch (err) {
        if (!signal.aborted)
          logger.error("files were changed to what is of no use; what they said before stays", { err });
      }
    });
  }
}
