/** `[from, to)` of the region; `id` holds it, or it is free. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly id: number | undefined;
  readonly requested: number;
}

const REGION_BYTES = 2 ** 50;
const MIB = 1024 * 1024;

/**
 * Best fit with coalescing as TensorFlow 2.15 describes it (tsl/framework/bfc_allocator.cc: AllocateRawInternal,
 * FindChunkPtr, SplitChunk, Coalesce), written to be obviously right: every call builds the list of spans again.
 */
export class ReferencePool {
  #spans: readonly Span[] = [{ from: 0, to: REGION_BYTES, id: undefined, requested: 0 }];
  #touchedBytes = 0;

  get touchedBytes(): number {
    return this.#touchedBytes;
  }

  /** Bytes that somebody holds, as asked for. */
  get liveBytes(): number {
    return this.#spans.reduce((sum, { id, requested }) => (id === undefined ? sum : sum + requested), 0);
  }

  allocate(id: number, requested: number): void {
    const rounded = Math.max(1, Math.ceil(requested / 256)) * 256;
    const fitting = this.#spans
      .filter((span) => span.id === undefined && span.to - span.from >= rounded)
      .sort((left, right) => left.to - left.from - (right.to - right.from) || left.from - right.from);
    const [chosen] = fitting;
    if (chosen === undefined) throw new RangeError("no room");
    const chosenBytes = chosen.to - chosen.from;
    const isSplit = chosenBytes >= rounded * 2 || chosenBytes - rounded >= 128 * MIB;
    const middle = isSplit ? chosen.from + rounded : chosen.to;
    this.#spans = this.#spans.flatMap((span) => {
      if (span !== chosen) return [span];
      const taken = { from: chosen.from, to: middle, id, requested };
      return isSplit ? [taken, { from: middle, to: chosen.to, id: undefined, requested: 0 }] : [taken];
    });
    this.#touchedBytes = Math.max(this.#touchedBytes, chosen.from + requested);
  }

  free(id: number): void {
    const released = this.#spans.map((span) => (span.id === id ? { ...span, id: undefined, requested: 0 } : span));
    const joined: Span[] = [];
    for (const span of released) {
      const before = joined.at(-1);
      if (before !== undefined && before.id === undefined && span.id === undefined) {
        joined[joined.length - 1] = { ...before, to: span.to };
      } else {
        joined.push(span);
      }
    }
    this.#spans = joined;
  }

  /** What is wrong with the list of spans; undefined: nothing. */
  brokenRule(): string | undefined {
    let end = 0;
    let wasFree = false;
    for (const { from, to, id, requested } of this.#spans) {
      if (from !== end || to <= from) return `a span from ${from} to ${to} follows one that ends at ${end}`;
      if (from % 256 !== 0) return `a span begins at ${from}`;
      if (to - from < requested) return `${requested} bytes lie in a span of ${to - from}`;
      if (wasFree && id === undefined) return `two free spans meet at ${from}`;
      end = to;
      wasFree = id === undefined;
    }
    return end === REGION_BYTES ? undefined : `the spans end at ${end}`;
  }
}
