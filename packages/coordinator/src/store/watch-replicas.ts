import type { Clock } from "@mpo/io";
import type { Logger } from "@mpo/runtime";
import type { StateStore, StoreReplicas } from "@mpo/transport";

/** After a start, when servers that start together have all come; and while one is away: it may come back wrong. */
const SOON_MS = 60_000;
const EVERY_MS = 10 * 60_000;
/** A large store takes long to compare: never more than a twentieth of the time. */
const REST = 19;

const HINT =
  "Stop that nats-server, empty its store folder (store_dir), start it again: deploy/guides/cluster.md#a-copy-that-differs.";

/** Compares the copies of a cluster's servers from time to time, and says which differs: reads go to any of them. */
export class ReplicaWatch {
  readonly #store: StateStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #differing: StoreReplicas["differences"] = [];

  constructor({ store, clock, logger }: { store: StateStore; clock: Clock; logger: Logger }) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** As the last comparison found it. */
  get differing(): StoreReplicas["differences"] {
    return this.#differing;
  }

  async run(signal: AbortSignal): Promise<void> {
    if (this.#store.replicas === undefined) return;
    let waitMs = SOON_MS;
    for (;;) {
      await this.#clock.sleep(waitMs, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const beganMs = this.#clock.monotonicMs();
      const isCompared = await this.#compare(signal);
      const tookMs = this.#clock.monotonicMs() - beganMs;
      waitMs = Math.max(isCompared ? EVERY_MS : SOON_MS, REST * tookMs);
    }
  }

  async #compare(signal: AbortSignal): Promise<boolean> {
    try {
      const found = await this.#store.replicas?.({ signal });
      // While a server is away nothing was compared: what was wrong before still is.
      if (found === undefined || found.away.length > 0) return false;
      this.#differing = found.differences;
      for (const { server, stream, sequence, isCertain } of found.differences) {
        const facts = { server, stream, sequence, isCertain, hint: HINT };
        this.#logger.error("a server's copy of a stream is not what the others hold", facts);
      }
      return true;
    } catch (err) {
      if (!signal.aborted) this.#logger.debug("the copies of the store could not be compared", { err });
      return false;
    }
  }
}
