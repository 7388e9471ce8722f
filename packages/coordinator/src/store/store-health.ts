import { MpoError, type MpoErrorCode } from "@mpo/core";
import { type Clock, throwIfAborted, withDeadline } from "@mpo/io";
import type { Logger } from "@mpo/runtime";
import { BUCKETS, type StateStore } from "@mpo/transport";
import { watchWrites } from "./watch-writes.ts";

export interface StoreHealthOptions {
  readonly store: StateStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long after an outage devices may take to be heard of again, milliseconds. */
  readonly graceMs: () => number;
  /** Throws when what the store has acknowledged is not where it should be. Default: that is not known. */
  readonly requirePlace?: (() => Promise<void>) | undefined;
  readonly onRefused: (code: MpoErrorCode) => void;
  /** Called at each check, with the time within which the next comes. */
  readonly onTurn?: ((nextWithinMs: number) => void) | undefined;
}

const CHECK_MS = 10_000;
/** A caller that asks sooner gets the same answer. */
const FRESH_MS = 2_000;
const DEADLINE_MS = 5_000;
const WARN_MS = 60_000;
const KEY = "written";
/** A page: smaller ones fit for a minute into what a full disk has given the store already. */
const TRIAL_BYTES = 4096;

interface Trouble {
  readonly reason: string;
  readonly atMs: number;
  /** What a write elsewhere says nothing about. */
  readonly isFull: boolean;
}

/**
 * Whether the store takes writes: every write that it refuses counts, and it is tried by a small one where nobody else has
 * written: on a board each trial wears the flash.
 */
export class StoreHealth {
  readonly #options: StoreHealthOptions;
  /** The store for all others: what it refuses is seen here. */
  readonly store: StateStore;
  /** By what was tried: why the store did not take it. */
  readonly #troubles = new Map<string, Trouble>();
  #place: MpoError | undefined;
  #checking: Promise<void> | undefined;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  #lastGoodMs: number;
  /** When a write of others was taken last. */
  #takenAtMs = Number.NEGATIVE_INFINITY;
  #outage: { readonly fromMs: number; readonly toMs?: number } | undefined;
  #refused = 0;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: StoreHealthOptions) {
    this.#options = options;
    this.#lastGoodMs = options.clock.now();
    this.store = watchWrites(options.store, {
      before: () => {
        if (this.#place !== undefined) throw this.#place;
      },
      taken: (place) => {
        this.#lastGoodMs = options.clock.now();
        this.#takenAtMs = options.clock.monotonicMs();
        this.#solve(place);
      },
      refused: (place, error, isFull) => {
        this.#refused += 1;
        options.onRefused(error.code);
        this.#trouble(place, error, isFull);
      },
    });
  }

  /** Why the store does not take writes; undefined: it does, as far as is known. */
  get trouble(): string | undefined {
    const oldestMs = this.#options.clock.monotonicMs() - WARN_MS;
    for (const [place, { atMs }] of this.#troubles) if (atMs < oldestMs) this.#solve(place);
    const [first] = this.#troubles.values();
    return first === undefined ? undefined : `the store takes no writes: ${first.reason}`;
  }

  /** The time by which devices count as there or away: it stands still while nobody could be written down. */
  get presenceMs(): number {
    const { clock, graceMs } = this.#options;
    const nowMs = clock.now();
    const isTroubled = this.trouble !== undefined;
    const outage = this.#outage;
    if (outage === undefined) return nowMs;
    const { fromMs, toMs } = outage;
    if (isTroubled || toMs === undefined) return Math.min(nowMs, fromMs);
    return nowMs - toMs <= graceMs() ? nowMs - (toMs - fromMs) : nowMs;
  }

  /** Tries a write, unless one was tried just now. Ends within seconds, whatever the store does. */
  async check(signal: AbortSignal): Promise<void> {
    if (this.#options.clock.monotonicMs() - this.#checkedAtMs < FRESH_MS) return;
    this.#checking ??= this.#try(signal).finally(() => {
      this.#checking = undefined;
    });
    await this.#checking;
  }

  /** Checks from time to time, and warns once a minute while something is wrong. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.check(signal).catch((thrown: unknown) => {
        if (!signal.aborted) throw thrown;
      });
      await this.#reserve(signal);
      this.#options.onTurn?.(CHECK_MS);
      await this.#options.clock.sleep(CHECK_MS, { signal }).catch(() => undefined);
    }
  }

  /** Asks for more where something is full; whoever was refused tries again. */
  async #reserve(signal: AbortSignal): Promise<void> {
    if (![...this.#troubles.values()].some(({ isFull }) => isFull)) return;
    const { store, logger } = this.#options;
    await store.reserve?.({ signal }).catch((thrown: unknown) => {
      if (!signal.aborted) logger.warn("the store could not reserve more", { err: thrown });
    });
  }

  async #try(signal: AbortSignal): Promise<void> {
    const { store, clock, requirePlace } = this.#options;
    const write = async (both: AbortSignal): Promise<void> => {
      await requirePlace?.().catch((thrown: unknown) => {
        this.#place = MpoError.from(thrown);
        throw thrown;
      });
      this.#place = undefined;
      const isTaking = this.#troubles.size === 0 && clock.monotonicMs() - this.#takenAtMs < FRESH_MS;
      if (isTaking) return;
      await store.put(BUCKETS.health, KEY, new Uint8Array(TRIAL_BYTES), { signal: both });
      this.#lastGoodMs = clock.now();
    };
    try {
      await withDeadline("a small write to the store", DEADLINE_MS, write, { clock, signal });
      for (const [place, { isFull }] of this.#troubles) if (!isFull) this.#solve(place);
    } catch (thrown) {
      throwIfAborted(signal);
      this.#trouble(BUCKETS.health, MpoError.from(thrown), false);
    }
    this.#checkedAtMs = clock.monotonicMs();
    if (this.trouble !== undefined) this.#warn();
  }

  #trouble(place: string, { message }: MpoError, isFull: boolean): void {
    // Devices that were not heard of again since the last outage are not away either.
    const fromMs = Math.min(this.#lastGoodMs, this.presenceMs);
    const wasWell = this.#troubles.size === 0;
    this.#troubles.set(place, { reason: message, atMs: this.#options.clock.monotonicMs(), isFull });
    if (wasWell) this.#outage = { fromMs };
    this.#warn();
  }

  #solve(place: string): void {
    if (!this.#troubles.delete(place) || this.#troubles.size > 0 || this.#outage === undefined) return;
    this.#outage = { ...this.#outage, toMs: this.#options.clock.now() };
    if (this.#warnedAtMs === Number.NEGATIVE_INFINITY) return;
    this.#warnedAtMs = Number.NEGATIVE_INFINITY;
    this.#options.logger.info("the store takes writes again", { refused: this.#refused });
    this.#refused = 0;
  }

  #warn(): void {
    const { clock, logger } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#warnedAtMs < WARN_MS) return;
    this.#warnedAtMs = nowMs;
    const [reason = ""] = [...this.#troubles.values()].map((each) => each.reason);
    logger.warn("the store takes no writes", { reason, refused: this.#refused });
  }
}
