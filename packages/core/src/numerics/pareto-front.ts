/**
 * Front of (time down, gain up) among candidates that come in order of rising memory: with memory, a front in three
 * dimensions. A staircase: by rising time, gains rise strictly.
 */
export class ParetoFront {
  readonly #times: number[] = [];
  readonly #gains: number[] = [];
  readonly #candidates: number[] = [];

  /** Adds a candidate. Returns the one that dominates it, if any: no slower, and no less gain. */
  add(candidate: number, timeMs: number, gain: number): number | undefined {
    const position = this.#firstSlower(timeMs);
    const before = position - 1;
    if (before >= 0 && this.#gains[before]! >= gain) return this.#candidates[before]!;
    let start = position;
    if (before >= 0 && this.#times[before] === timeMs) start = before;
    let end = start;
    while (end < this.#gains.length && this.#gains[end]! <= gain) end += 1;
    this.#times.splice(start, end - start, timeMs);
    this.#gains.splice(start, end - start, gain);
    this.#candidates.splice(start, end - start, candidate);
    return undefined;
  }

  /** Position of the first member that is slower. */
  #firstSlower(timeMs: number): number {
    let low = 0;
    let high = this.#times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#times[middle]! <= timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
