import type { EventFinding } from "@mpo/protocol";
import type { StreamEvent } from "@mpo/transport";
import { type ChainedEntry, type ChainLink, chainedEntry } from "./audit-chain.ts";
import { EntryHashes } from "./entry-hashes.ts";

export interface ChainCheckOptions {
  /** Where the check begins; default: 1. */
  readonly from?: number | undefined;
  /** Up to when entries may have been removed for their age; absent: the first that comes need not be the stream's. */
  readonly agedMs?: number | undefined;
  /** Whether a seal was made of this hash by the fleet's key. Absent: seals are not checked. */
  readonly checkSeal?: ((hash: Uint8Array, seal: string) => boolean) | undefined;
}

/** When an event was written: as it says, where it was put back since, from a backup. */
function writtenAtMs({ value, storedAtMs }: StreamEvent): number {
  try {
    const { value: content } = JSON.parse(Buffer.from(value).toString()) as {
      readonly value?: { readonly atMs?: unknown };
    };
    const atMs = content?.atMs;
    return typeof atMs === "number" ? Math.min(atMs, storedAtMs) : storedAtMs;
  } catch {
    return storedAtMs;
  }
}

/** After so many it is known that something is wrong. */
export const MAX_FINDINGS = 1_000;

/**
 * Looks for what was changed, taken out, moved or put in among entries, which come in the order of their places. What
 * the newest entry of each writer says is vouched for by whoever has seen it; what nobody has seen, by nothing but its seal.
 */
export class ChainCheck {
  readonly #options: ChainCheckOptions;
  readonly #hashes = new EntryHashes();
  readonly #writers = new Map<string, { readonly index: number; readonly sequence: number }>();
  readonly #gaps: { readonly from: number; readonly to: number }[] = [];
  readonly #findings = new Map<string, EventFinding>();
  #first: StreamEvent | undefined;
  #last: StreamEvent | undefined;
  #entries = 0;
  #unchained = 0;
  #sealed = 0;
  /** By how many places entries lie after where they were written. */
  #shift = 0;

  constructor(options: ChainCheckOptions = {}) {
    this.#options = options;
  }

  get summary() {
    const [first, last] = [this.#first, this.#last];
    return {
      entries: this.#entries,
      writers: this.#writers.size,
      unchained: this.#unchained,
      unsealed: this.#entries - this.#sealed,
      ...(first && { firstSequence: first.sequence, firstAtMs: first.storedAtMs }),
      ...(last && { lastSequence: last.sequence, lastAtMs: last.storedAtMs }),
    };
  }

  get findings(): readonly EventFinding[] {
    return [...this.#findings.values()];
  }

  add(event: StreamEvent): void {
    const { sequence } = event;
    this.#first ??= event;
    const { agedMs = Number.POSITIVE_INFINITY } = this.#options;
    const expected = this.#last === undefined ? (writtenAtMs(event) > agedMs ? 1 : sequence) : this.#last.sequence + 1;
    if (sequence !== expected) {
      this.#gaps.push({ from: expected, to: sequence - 1 });
      this.#found("missing", expected, `entries ${expected} to ${sequence - 1} are not there`);
    }
    this.#last = event;
    this.#entries += 1;
    let entry: ChainedEntry;
    try {
      entry = chainedEntry(event);
    } catch {
      this.#found("changed", sequence, "it is not as a coordinator writes it");
      return;
    }
    this.#hashes.set(sequence, entry.hash);
    this.#checkSeal(sequence, entry);
    if (entry.chain === undefined) {
      this.#unchained += 1;
      if (this.#writers.size > 0)
        this.#found("changed", sequence, "it is not linked to others, as those before it are");
      return;
    }
    const { writer, index, previous, seen } = entry.chain;
    const before = this.#writers.get(writer);
    const words = `entry ${index} of writer ${writer}`;
    if (before !== undefined && index <= before.index) {
      this.#found(
        "moved",
        sequence,
        `${words} comes after entry ${before.index} at ${before.sequence}: it is moved or repeated`,
      );
    } else this.#writers.set(writer, { index, sequence });
    for (const link of [previous, seen])
      if (link !== undefined) this.#checkLink(link, sequence, `${words} at ${sequence}`);
  }

  /** To be called with what a coordinator knows to be there: the end of a stream is vouched for by nothing in it. */
  end(known: readonly ChainLink[]): void {
    for (const link of known) this.#checkLink(link, Number.POSITIVE_INFINITY, "this coordinator");
  }

  #checkSeal(sequence: number, { hash, seal }: ChainedEntry): void {
    const { checkSeal } = this.#options;
    if (seal !== undefined) this.#sealed += 1;
    else if (this.#sealed > 0) this.#found("seal", sequence, "it is not signed, as those before it are");
    if (seal !== undefined && checkSeal?.(Buffer.from(hash, "hex"), seal) === false) {
      this.#found("seal", sequence, "its signature is not that of this fleet over what it says");
    }
  }

  /** Whether an entry is where another says that it was, as it was. */
  #checkLink({ sequence: at, hash }: ChainLink, before: number, whoSays: string): void {
    if (at < (this.#first?.sequence ?? this.#options.from ?? 1) || (at < before && this.#hashes.has(at, hash))) return;
    if (this.#shift !== 0 && this.#hashes.has(at + this.#shift, hash)) return;
    const found = this.#hashes.find(hash);
    if (found !== undefined) {
      this.#shift = found - at;
      this.#found("moved", found, `${whoSays} says that it was at ${at}`);
    } else if (!this.#isMissing(at)) {
      const isThere = at < before && at <= (this.#last?.sequence ?? 0);
      const words = `${whoSays} says that the entry at ${at} has the hash ${hash.slice(0, 16)}...`;
      this.#found(isThere ? "changed" : "missing", at, isThere ? words : `${words}; it is not there`);
    }
  }

  #isMissing(at: number): boolean {
    return this.#findings.has(`missing ${at}`) || this.#gaps.some(({ from, to }) => at >= from && at <= to);
  }

  #found(kind: EventFinding["kind"], sequence: number, message: string): void {
    const key = `${kind} ${sequence}`;
    if (this.#findings.size < MAX_FINDINGS && !this.#findings.has(key))
      this.#findings.set(key, { kind, sequence, message });
  }
}
