import { type Abortable, linkSignals } from "@mpo/io";
import { isTransient } from "@mpo/runtime";
import { BUCKETS } from "@mpo/transport";
import { type ProfileName, parseProfileKey, profileKey } from "../profiles/profile-service.ts";
import { changeEntry, isConflict, type StoreContext } from "../store/change-entry.ts";
import { type Watched, WatchedMap, type Watching } from "../store/watched-map.ts";
import { mayClaim, type WorkRecord, workForm } from "./work-record.ts";

export interface QueueOptions {
  /** This coordinator; no two may share it. */
  readonly name: string;
  /** Default 15 s. */
  readonly leaseMs?: number;
  /** Default 250 ms. */
  readonly courtesyMs?: number;
}

/** Does a piece of work. Throws what makes it impossible; `conflict` and failures of the store: to be tried again. */
export type Worker = (name: ProfileName, work: WorkRecord, signal: AbortSignal) => Promise<void>;

const MAX_ATTEMPTS = 8;
/** Searches at once: nearly all the time of one goes by until the store has answered a dozen questions, one by one. */
const LANES = 16;

/**
 * Searches that wait, shared by all coordinators: each takes what no other is at. A claim is a compare-and-set of the
 * work; what is done is deleted by the revision of its claim, so that a newer request for the same model stays.
 */
export class SearchQueue {
  readonly #context: StoreContext;
  readonly #options: Required<QueueOptions>;
  readonly #waiting: WatchedMap<WorkRecord>;
  /** When this coordinator first saw each revision. */
  readonly #seenAt = new Map<string, number>();
  /** Requests that this coordinator was asked, by key. */
  readonly #own = new Map<string, string>();
  readonly #busy = new Set<string>();
  readonly #wakes = new Set<() => void>();

  constructor(context: StoreContext, options: QueueOptions) {
    this.#context = context;
    this.#options = { leaseMs: 15_000, courtesyMs: 250, ...options };
    this.#waiting = new WatchedMap(context, {
      bucket: BUCKETS.work,
      read: ({ value }) => workForm.fromBytes(value),
      onChange: (key, now) => this.#changed(key, now),
    });
  }

  get watches(): readonly Watching[] {
    return [this.#waiting];
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Whether this search is asked for, as far as this coordinator has seen. */
  isWaiting(name: ProfileName, request: string): boolean {
    return this.#waiting.get(profileKey(name))?.value.request === request;
  }

  /** Asks for a search. When this returns, it is stored; asking twice for the same is once. */
  async ask(
    name: ProfileName,
    work: Omit<WorkRecord, "attempts" | "owner">,
    { signal }: Abortable = {},
  ): Promise<void> {
    const key = profileKey(name);
    this.#own.set(key, work.request);
    const place = { bucket: BUCKETS.work, key, signal };
    const { result, revision } = await changeEntry(this.#context, place, (current) => {
      const known = current === undefined ? undefined : workForm.fromBytes(current.value);
      if (known?.request === work.request) return { result: known };
      const record: WorkRecord = { ...work, attempts: 0 };
      return { value: workForm.toBytes(record), result: record };
    });
    this.#waiting.note(key, result, revision);
  }

  /** Does what waits, a few at once, until the signal aborts. */
  async run(worker: Worker, signal: AbortSignal): Promise<void> {
    await this.#waiting.ready;
    await Promise.all(Array.from({ length: LANES }, () => this.#lane(worker, signal)));
  }

  async #lane(worker: Worker, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const found = this.#next();
      if (found === undefined) {
        await this.#wait(signal);
        continue;
      }
      this.#busy.add(found.key);
      try {
        await this.#do(found.key, found.watched, worker, signal);
      } finally {
        this.#busy.delete(found.key);
      }
    }
  }

  #next(): { readonly key: string; readonly watched: Watched<WorkRecord> } | undefined {
    const nowMs = this.#context.clock.monotonicMs();
    for (const [key, watched] of this.#waiting.entries()) {
      if (this.#busy.has(key)) continue;
      const claimable = {
        work: watched.value,
        seenForMs: nowMs - (this.#seenAt.get(key) ?? nowMs),
        isOwn: this.#own.get(key) === watched.value.request,
      };
      if (mayClaim(claimable, this.#options)) return { key, watched };
    }
    return undefined;
  }

  async #do(key: string, { value, revision }: Watched<WorkRecord>, worker: Worker, signal: AbortSignal): Promise<void> {
    const { store } = this.#context;
    const claim: WorkRecord = { ...value, owner: this.#options.name, attempts: value.attempts + 1 };
    let claimed: number;
    try {
      claimed = await store.update(BUCKETS.work, key, workForm.toBytes(claim), revision, { signal });
    } catch (thrown) {
      if (signal.aborted) return;
      // Somebody else has it, or it is not known: the watch will show it; until then it is not tried again.
      this.#postpone(key);
      if (!isConflict(thrown)) this.#context.logger.warn("could not take a search", { key, err: thrown });
      return;
    }
    this.#waiting.note(key, claim, claimed);
    try {
      await this.#work(key, claim, worker, signal);
      await store.delete(BUCKETS.work, key, { expectedRevision: claimed, signal });
    } catch (thrown) {
      if (signal.aborted) return;
      if (isConflict(thrown)) this.#context.logger.debug("another request came for a search that is done", { key });
      // The lease ends, and one of them tries again.
      else this.#context.logger.warn("a search will be tried again", { key, attempts: claim.attempts, err: thrown });
    }
  }

  /** Throws only what is worth another attempt. */
  async #work(key: string, claim: WorkRecord, worker: Worker, signal: AbortSignal): Promise<void> {
    try {
      await worker(parseProfileKey(key), claim, signal);
    } catch (thrown) {
      const isWorthIt = isTransient(thrown) || isConflict(thrown) || signal.aborted;
      if (isWorthIt && claim.attempts < MAX_ATTEMPTS) {
        throw isConflict(thrown) ? thrown.with({ code: "unavailable" }) : thrown;
      }
      this.#context.logger.error("a search is given up", { key, request: claim.request, err: thrown });
    }
  }

  #changed(key: string, now: Watched<WorkRecord> | undefined): void {
    if (now === undefined) {
      this.#seenAt.delete(key);
      this.#own.delete(key);
    } else this.#seenAt.set(key, this.#context.clock.monotonicMs());
    for (const wake of this.#wakes) wake();
  }

  #postpone(key: string): void {
    this.#seenAt.set(key, this.#context.clock.monotonicMs());
    this.#own.delete(key);
  }

  /** Until something changes, or a lease may have ended. */
  async #wait(signal: AbortSignal): Promise<void> {
    using linked = linkSignals(signal);
    const wake = (): void => linked.abort();
    this.#wakes.add(wake);
    const { leaseMs, courtesyMs } = this.#options;
    const pauseMs = this.#waiting.size === 0 ? leaseMs : Math.max(1, Math.min(courtesyMs, leaseMs) / 2);
    await this.#context.clock.sleep(pauseMs, { signal: linked.signal }).catch(() => undefined);
    this.#wakes.delete(wake);
  }
}
