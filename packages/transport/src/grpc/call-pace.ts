import type { Clock } from "@mpo/io";

/** What a call may take in addition to the time that its bytes need. */
const LEAST_MS = 10_000;
/** After calls that were given up: at most this multiple of it. */
const MOST_PATIENCE = 8;
/** A link that nothing was measured of is taken for one of the slowest kind (2G, NB-IoT). */
const SLOWEST_BYTES_PER_SECOND = 1_000;
/** Smaller messages measure latency, not throughput. */
const MEASURED_FROM_BYTES = 2_048;
/** The next message may meet a link that is slower than it was. */
const MARGIN = 3;

export interface PacedCall {
  readonly deadlineMs: number;
  /** It was answered: so wide is the link. */
  answered(): void;
  /** It was given up at its deadline: the next may take longer. */
  givenUp(): void;
}

/**
 * How long calls of one method may take over one connection: longer for more bytes, as the link has shown itself, and
 * longer after one that did not make it. A deadline that is the same for all lets nothing large through a slow link, ever.
 */
export class CallPace {
  readonly #clock: Clock;
  #bytesPerSecond = SLOWEST_BYTES_PER_SECOND;
  #patience = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(bytes: number): PacedCall {
    const beganMs = this.#clock.monotonicMs();
    return {
      deadlineMs: LEAST_MS * this.#patience + (MARGIN * bytes * 1000) / this.#bytesPerSecond,
      answered: () => {
        const tookMs = Math.max(1, this.#clock.monotonicMs() - beganMs);
        if (bytes >= MEASURED_FROM_BYTES) this.#bytesPerSecond = Math.max(1, (bytes * 1000) / tookMs);
        // What needed the patience needs it again: answers may be large too.
        if (tookMs * MARGIN < LEAST_MS * this.#patience) this.#patience = Math.max(1, this.#patience / 2);
      },
      givenUp: () => {
        this.#patience = Math.min(MOST_PATIENCE, 2 * this.#patience);
        if (bytes >= MEASURED_FROM_BYTES) {
          this.#bytesPerSecond = Math.max(SLOWEST_BYTES_PER_SECOND / MOST_PATIENCE, this.#bytesPerSecond / 2);
        }
      },
    };
  }
}
