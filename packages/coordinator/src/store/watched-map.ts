import type { StateStore, StoreChange, StoreEntry } from "@mpo/transport";
import type { StoreContext } from "./change-entry.ts";

export interface Watched<Value> {
  readonly value: Value;
  readonly revision: number;
}

type WatchContext = Pick<StoreContext, "clock" | "logger"> & { readonly store: Pick<StateStore, "watch"> };

export interface WatchedMapOptions<Value> {
  readonly bucket: string;
  /** Reads an entry; what it throws is logged, and the entry left out. */
  readonly read: (entry: StoreEntry) => Value;
  /** After a value changed; undefined: it is gone. */
  readonly onChange?: (key: string, now: Watched<Value> | undefined, before: Watched<Value> | undefined) => void;
}

/** A change that was late says nothing of the store when it is this long ago. */
const LAG_SHOWN_MS = 60_000;

/** What runs a watch, and how it is doing. */
export type Watching = Pick<WatchedMap<unknown>, "run" | "ready" | "isReady" | "lagMs">;

/** A bucket in memory, kept up to date by a watch. What this process wrote itself is there at once (`note`). */
export class WatchedMap<Value> {
  readonly #context: WatchContext;
  readonly #options: WatchedMapOptions<Value>;
  readonly #values = new Map<string, Watched<Value>>();
  #delivered = 0;
  #isReady = false;
  #lag = { ms: 0, atMs: Number.NEGATIVE_INFINITY };
  #becomeReady: () => void = () => undefined;
  /** Resolves when everything that was stored at the start is here. */
  readonly ready: Promise<void>;

  constructor(context: WatchContext, options: WatchedMapOptions<Value>) {
    this.#context = context;
    this.#options = options;
    this.ready = new Promise((resolve) => {
      this.#becomeReady = resolve;
    });
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get size(): number {
    return this.#values.size;
  }

  /** How long the newest change took from the store to here, milliseconds; 0 where none has come for a minute. */
  get lagMs(): number {
    return this.#context.clock.monotonicMs() - this.#lag.atMs < LAG_SHOWN_MS ? this.#lag.ms : 0;
  }

  get(key: string): Watched<Value> | undefined {
    return this.#values.get(key);
  }

  entries(): Iterable<readonly [string, Watched<Value>]> {
    return this.#values.entries();
  }

  /** Follows the bucket until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    for await (const change of this.#context.store.watch(this.#options.bucket, { signal })) this.#apply(change);
  }

  /** Takes in a write of this process, unless the watch has brought something newer. */
  note(key: string, value: Value, revision: number): void {
    const before = this.#values.get(key);
    if (revision <= this.#delivered || (before !== undefined && before.revision >= revision)) return;
    this.#set(key, { value, revision }, before);
  }

  /** This process has deleted a key itself: the watch will show it too. */
  forget(key: string): void {
    const before = this.#values.get(key);
    if (before !== undefined) this.#set(key, undefined, before);
  }

  #apply(change: StoreChange): void {
    switch (change.kind) {
      case "reset":
        this.#delivered = 0;
        for (const [key, before] of [...this.#values]) this.#set(key, undefined, before);
        return;
      case "caught-up":
        this.#isReady = true;
        this.#becomeReady();
        return;
      case "delete": {
        const before = this.#values.get(change.key);
        if (this.#isOld(change.revision)) return;
        if (before !== undefined && before.revision < change.revision) this.#set(change.key, undefined, before);
        return;
      }
      case "put": {
        const { entry } = change;
        const before = this.#values.get(entry.key);
        // What was there at the start is old, not late.
        if (this.#isReady) {
          const { clock } = this.#context;
          this.#lag = { ms: Math.max(0, clock.now() - entry.storedAtMs), atMs: clock.monotonicMs() };
        }
        if (this.#isOld(entry.revision) || (before?.revision ?? 0) >= entry.revision) return;
        try {
          this.#set(entry.key, { value: this.#options.read(entry), revision: entry.revision }, before);
        } catch (thrown) {
          this.#context.logger.error("an entry of the store cannot be read", {
            bucket: this.#options.bucket,
            key: entry.key,
            revision: entry.revision,
            err: thrown,
          });
        }
        return;
      }
    }
  }

  /** Revisions rise over the whole bucket, so that what is no newer than the last has come before. */
  #isOld(revision: number): boolean {
    if (revision <= this.#delivered) return true;
    this.#delivered = revision;
    return false;
  }

  #set(key: string, now: Watched<Value> | undefined, before: Watched<Value> | undefined): void {
    if (now === undefined) this.#values.delete(key);
    else this.#values.set(key, now);
    this.#options.onChange?.(key, now, before);
  }
}
