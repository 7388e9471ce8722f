import { linkSignals, untilAborted, Wakeup } from "@mpo/io";
import { isTransient } from "@mpo/runtime";
import { isConflict } from "../store/change-entry.ts";
import type { Watched } from "../store/watched-map.ts";
import { type LeadParts, LedRollout } from "./led-rollout.ts";
import { isUnderWay } from "./open-turns.ts";
import type { RolloutRecord } from "./rollout-record.ts";
import { parseRolloutKey, type RolloutName, rolloutKey } from "./rollout-store.ts";

/** A step at least so often while a rollout is under way. */
const STEP_MS = 1_000;
/** Nobody waits for longer than this until another coordinator has taken over; `leaseMs` may be less. */
export const MAX_LEASE_MS = 6_000;
/** A rollout that cannot be led is tried again after so long. */
const TRY_AGAIN_MS = 5_000;
const RELEASE_MS = 1_000;

/** Leads the rollouts that are under way: each has one coordinator at a time, by a lease in its record. */
export class RolloutLeader {
  readonly #parts: LeadParts;
  readonly #wakeup: Wakeup;
  readonly #led = new Map<string, LedRollout>();
  /** When this coordinator first saw each record as it is. */
  readonly #seenAt = new Map<string, number>();
  readonly #tryAt = new Map<string, number>();

  constructor(parts: Omit<LeadParts, "wake">) {
    this.#wakeup = new Wakeup(parts.clock);
    this.#parts = { ...parts, wake: () => this.#wakeup.wake() };
  }

  /** A record has changed, or is gone. */
  changed(key: string, now: Watched<RolloutRecord> | undefined): void {
    if (now === undefined) this.#seenAt.delete(key);
    else this.#seenAt.set(key, this.#parts.clock.monotonicMs());
    this.#wakeup.wake();
  }

  /** Leads what there is to lead until the signal aborts. `ready` resolves when all indexes are full. */
  async run(ready: Promise<unknown>, signal: AbortSignal): Promise<void> {
    await untilAborted(ready, signal).catch(() => undefined);
    while (!signal.aborted) {
      const active = [...this.#parts.store.all()].filter(({ value }) => isUnderWay(value, this.#parts.clock.now()));
      const keys = new Set(active.map(({ name }) => rolloutKey(name)));
      for (const key of this.#led.keys()) if (!keys.has(key)) await this.#drop(key);
      const more = await Promise.all(active.map(({ name, ...watched }) => this.#lead(name, watched, signal)));
      const isMore = more.includes(true);
      await this.#wakeup
        .sleep(active.length === 0 ? MAX_LEASE_MS : isMore ? 0 : STEP_MS, signal)
        .catch(() => undefined);
    }
    await this.#release();
  }

  /** The result is whether more may be done at once. */
  async #lead(name: RolloutName, watched: Watched<RolloutRecord>, signal: AbortSignal): Promise<boolean> {
    const key = rolloutKey(name);
    const { clock, logger } = this.#parts;
    try {
      const led = this.#led.get(key);
      // What a person, or another coordinator, has written since is read anew.
      if (led !== undefined && led.revision === watched.revision) return await led.step(signal);
      await this.#drop(key);
      if (!this.#mayTake(key, watched.value)) return false;
      const taken = await LedRollout.take(this.#parts, name, watched, signal);
      logger.info("this coordinator leads a rollout", { rollout: name.name });
      this.#led.set(key, taken);
      return await taken.step(signal);
    } catch (thrown) {
      if (signal.aborted) return false;
      await this.#drop(key);
      const facts = { rollout: name.name, err: thrown };
      if (isConflict(thrown)) logger.debug("a rollout has changed meanwhile", facts);
      else if (isTransient(thrown)) logger.warn("a step of a rollout will be tried again", facts);
      else {
        logger.error("a rollout cannot be led", facts);
        this.#tryAt.set(key, clock.monotonicMs() + TRY_AGAIN_MS);
      }
      return false;
    }
  }

  async #drop(key: string): Promise<void> {
    const led = this.#led.get(key);
    this.#led.delete(key);
    await led?.end();
  }

  /** It trusts no clock but its own: a lease is over when nothing was heard of it for its whole length. */
  #mayTake(key: string, { lease }: RolloutRecord): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs < (this.#tryAt.get(key) ?? 0)) return false;
    if (lease === undefined || lease.owner === this.#parts.name) return true;
    return nowMs - (this.#seenAt.get(key) ?? nowMs) >= this.#parts.leaseMs;
  }

  async #release(): Promise<void> {
    const { clock, logger } = this.#parts;
    using deadline = linkSignals();
    const stop = new AbortController();
    const timer = clock.sleep(RELEASE_MS, { signal: stop.signal }).then(
      () => deadline.abort(),
      () => undefined,
    );
    await Promise.all(
      [...this.#led].map(([key, led]) =>
        led
          .release(deadline.signal)
          .catch((err: unknown) => logger.debug("a lease runs out", { rollout: parseRolloutKey(key).name, err })),
      ),
    );
    stop.abort();
    await timer;
  }
}
