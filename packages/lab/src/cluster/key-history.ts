/** When a call was made and when it was answered, by one monotonic clock. */
export interface CallTimes {
  readonly madeMs: number;
  readonly answeredMs: number;
}

/** What lies at a place of a key's order. */
export interface Content {
  /** Equal for equal contents. */
  readonly digest: string;
  /** Of the write that put it there, and of no other; absent: a write that was not ours. */
  readonly mark?: string | undefined;
}

interface Answered extends CallTimes {
  readonly place: number;
  readonly isWrite: boolean;
}

/**
 * What was seen of one key that is read, written, and compared and set: whether some order of the calls, one after the
 * other, explains all answers (linearisability). Each write has a place, a number which the store gives: so the order is
 * known, and is held against the times of the calls.
 */
export class KeyHistory {
  readonly #name: string;
  readonly #contents = new Map<number, string>();
  /** Places of marks. */
  readonly #marks = new Map<string, number>();
  readonly #refused = new Set<string>();
  readonly #swaps: { readonly expected: number; readonly place: number }[] = [];
  readonly #calls: Answered[] = [];
  readonly #problems = new Set<string>();

  constructor(name: string) {
    this.#name = name;
  }

  /** Calls that got an answer. */
  get size(): number {
    return this.#calls.length;
  }

  /** The last place that anybody has seen. */
  get newest(): number {
    return Math.max(0, ...this.#contents.keys());
  }

  /** Somebody has seen this, at a time that says nothing. */
  seen(place: number, { digest, mark }: Content): void {
    const before = this.#contents.get(place);
    if (before !== undefined && before !== digest) this.#fail(`${place} was given twice, with other content`);
    this.#contents.set(place, digest);
    if (mark === undefined) return;
    const other = this.#marks.get(mark);
    if (other !== undefined && other !== place) this.#fail(`${mark} was written twice, as ${other} and as ${place}`);
    this.#marks.set(mark, place);
  }

  /** A read was answered; place 0: nothing was there. */
  read(times: CallTimes, place: number, content?: Content): void {
    if (content !== undefined) this.seen(place, content);
    this.#calls.push({ ...times, place, isWrite: false });
  }

  /** A write was acknowledged. `expected`: the place that it was to follow; absent: any. */
  written(times: CallTimes, place: number, content: Content, expected?: number): void {
    this.seen(place, content);
    this.#calls.push({ ...times, place, isWrite: true });
    if (expected !== undefined) this.#swaps.push({ expected, place });
  }

  /** A write was refused for good: it must never be seen. */
  refused(mark: string): void {
    this.#refused.add(mark);
  }

  /** All that no order explains, in words. */
  check(): readonly string[] {
    this.#checkTimes();
    this.#checkSwaps();
    for (const mark of this.#refused) {
      const place = this.#marks.get(mark);
      if (place !== undefined) this.#fail(`${mark} was refused, and is there as ${place}`);
    }
    return [...this.#problems];
  }

  /** No call is answered from before what was known when it was made, and a write comes after that. */
  #checkTimes(): void {
    const answered = this.#calls.toSorted((one, other) => one.answeredMs - other.answeredMs);
    let next = 0;
    let known: Answered | undefined;
    for (const call of this.#calls.toSorted((one, other) => one.madeMs - other.madeMs)) {
      for (; (answered[next]?.answeredMs ?? Number.POSITIVE_INFINITY) < call.madeMs; next++) {
        const one = answered[next] as Answered;
        if (one.place > (known?.place ?? -1)) known = one;
      }
      if (known === undefined || call.place > known.place || (call.place === known.place && !call.isWrite)) continue;
      const lateMs = Math.round(call.madeMs - known.answeredMs);
      const what = call.isWrite ? "write" : "read";
      this.#fail(`a ${what} that was made ${lateMs} ms after ${known.place} was known got ${call.place}`);
    }
  }

  /** Nothing lies between what was compared and what was set. */
  #checkSwaps(): void {
    const places = [...this.#contents.keys()].sort((one, other) => one - other);
    for (const { expected, place } of this.#swaps) {
      const between = places.findLast((one) => one < place);
      if (between !== undefined && between > expected) {
        this.#fail(`${place} was set in the place of ${expected}, and ${between} lay between them`);
      }
    }
  }

  #fail(problem: string): void {
    this.#problems.add(`${this.#name}: ${problem}`);
  }
}
