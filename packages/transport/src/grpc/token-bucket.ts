/** How much a caller may ask. */
export interface Quota {
  /** Calls a second in the long run. */
  readonly perSecond: number;
  /** Calls at once after a pause. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * A token bucket for each caller. Keeps those of the last `maxCallers`; a forgotten one starts full again, which is all
 * that a caller who invents names can win.
 */
export class TokenBuckets {
  readonly #quota: Quota;
  readonly #maxCallers: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(quota: Quota, maxCallers = 100_000) {
    this.#quota = quota;
    this.#maxCallers = maxCallers;
  }

  /** Takes one token; false when none is left. `nowMs` never goes back. */
  take(caller: string, nowMs: number): boolean {
    const { perSecond, burst } = this.#quota;
    const bucket = this.#buckets.get(caller) ?? { tokens: burst, atMs: nowMs };
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond);
    bucket.atMs = nowMs;
    // A map keeps the order of insertion: the first is the one that asked longest ago.
    this.#buckets.delete(caller);
    this.#buckets.set(caller, bucket);
    const oldest = this.#buckets.size > this.#maxCallers ? this.#buckets.keys().next() : undefined;
    if (oldest?.done === false) this.#buckets.delete(oldest.value);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}
