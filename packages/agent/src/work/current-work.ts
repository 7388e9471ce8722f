import type { Clock } from "@mpo/io";
import type { Doing } from "@mpo/protocol";

/** A piece of work, and for how much longer at most. */
export interface Work {
  readonly kind: Doing["kind"];
  readonly model: string;
  readonly leftMs: number;
}

/** Knows what an agent is busy with. */
export class CurrentWork {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #current: (Omit<Work, "leftMs"> & { readonly endsMs: number }) | undefined;

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** Undefined: it is idle. */
  get now(): Work | undefined {
    if (this.#current === undefined) return undefined;
    const { kind, model, endsMs } = this.#current;
    return { kind, model, leftMs: Math.max(0, endsMs - this.#clock.monotonicMs()) };
  }

  /** Runs a piece of work; its model counts as busy until that ends. */
  async while<T>({ kind, model, leftMs }: Work, work: () => Promise<T>): Promise<T> {
    this.#current = { kind, model, endsMs: this.#clock.monotonicMs() + leftMs };
    this.#onChange();
    try {
      return await work();
    } finally {
      this.#current = undefined;
      this.#onChange();
    }
  }
}
