import type { Clock } from "@mpo/io";

/** A server's time is believed for this long without another; then the machine's own clock has drifted less. */
const BELIEVED_FOR_MS = 24 * 3_600_000;

/**
 * The best known time of day. Boards without a battery start in 1970 and their clocks jump when a time server answers:
 * what a coordinator said, carried on by the monotonic clock, does not.
 */
export class TrustedTime {
  readonly #clock: Clock;
  #heard: { readonly serverMs: number; readonly atMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes the coordinator's time from an answer that came just now. */
  heard(serverTimeMs: number): void {
    this.#heard = { serverMs: serverTimeMs, atMs: this.#clock.monotonicMs() };
  }

  /** Milliseconds since 1970-01-01 UTC. */
  nowMs(): number {
    if (this.#heard === undefined) return this.#clock.now();
    const agoMs = this.#clock.monotonicMs() - this.#heard.atMs;
    return agoMs > BELIEVED_FOR_MS ? this.#clock.now() : this.#heard.serverMs + agoMs;
  }

  /** How far the machine's clock is ahead of the coordinator's; undefined: not heard yet. */
  get skewMs(): number | undefined {
    return this.#heard === undefined ? undefined : this.#clock.now() - this.nowMs();
  }
}
