import { backOffSchedule } from "./retry.ts";

/** Waits after failures in a row: full jitter, from the start again after a success. */
export class Waits {
  readonly #begin: () => Generator<number, void, undefined>;
  #schedule: Generator<number, void, undefined>;

  constructor(options: { readonly baseMs: number; readonly capMs: number; readonly random: () => number }) {
    this.#begin = () => backOffSchedule(options);
    this.#schedule = this.#begin();
  }

  /** How long to wait after one more failure, milliseconds. */
  next(): number {
    return this.#schedule.next().value as number;
  }

  succeeded(): void {
    this.#schedule = this.#begin();
  }
}
