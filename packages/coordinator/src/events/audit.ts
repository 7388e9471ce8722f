import { fact, MpoError } from "@mpo/core";
import { type Abortable, linkSignals, Turns } from "@mpo/io";
import { asLine, auditSubject, type DeviceIdentity, type FleetEvent, schemas } from "@mpo/protocol";
import { isTransient } from "@mpo/runtime";
import { STREAMS, type StreamEvent } from "@mpo/transport";
import type { StoreContext } from "../store/change-entry.ts";
import { recordForm } from "../store/records.ts";
import { type ChainLink, ChainWriter, chainedEntry, entryChain, SEAL_LENGTH } from "./audit-chain.ts";

/** Something that happened, before it has its place among all events. */
export interface Happening {
  readonly kind: string;
  readonly identity: DeviceIdentity;
  /** A device, a person or a part of the coordinator. */
  readonly actor: string;
  readonly message: string;
}

export interface EventFilter {
  readonly tenant: string;
  readonly device?: string | undefined;
  /** What that device was called before, and until when. */
  readonly formerNames?: readonly { readonly device: string; readonly untilMs: number }[] | undefined;
  /** From then on, up to (without) then; by the coordinator's clock. */
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
}

export interface AuditOptions {
  /** Names that are never the same twice, also not in another process. */
  readonly newId: () => string;
  /** Signs the hash of an entry. Absent: entries are not signed. */
  readonly seal?: ((hash: Uint8Array) => string) | undefined;
  /** Events that are kept in memory; up to twice as many. Default 20,000. */
  readonly maxRecent?: number;
  /** Places of the stream that are read at once: an answer comes within a second, and the reader asks on. */
  readonly maxScanned?: number;
}

/** An event as it is stored: its place is the stream's to give. */
const EVENT = recordForm(
  "event",
  schemas.event
    .omit({ sequence: true })
    .extend({ chain: entryChain.optional(), seal: fact.text(1, SEAL_LENGTH).optional() }),
);

/**
 * Who did what to which device: appended to a stream that is never shortened by hand, and the newest part kept in memory
 * for lists.
 */
export class Audit {
  readonly #context: StoreContext;
  readonly #options: AuditOptions & Required<Pick<AuditOptions, "maxRecent" | "maxScanned">>;
  readonly #chain: ChainWriter;
  readonly #turns = new Turns();
  /** Appends that the store did not answer. */
  #failures = 0;
  /** Oldest first. */
  #recent: FleetEvent[] = [];

  constructor(context: StoreContext, options: AuditOptions) {
    this.#options = { maxRecent: 20_000, maxScanned: 10_000, ...options };
    this.#chain = new ChainWriter(options.newId);
    this.#context = context;
  }

  /** Writes an event. Throws when it may not be stored: use it for what people do. */
  async write(happening: Happening, { signal }: Abortable = {}): Promise<void> {
    const { kind, identity, actor, message } = happening;
    const event = {
      atMs: this.#context.clock.now(),
      kind,
      tenant: identity.tenant,
      device: identity.device,
      actor: asLine(actor, 128),
      message: asLine(message),
    };
    const subject = auditSubject(identity.tenant, kind);
    const failures = this.#failures;
    await this.#turns.take(async () => {
      // What waited through an outage would wait for each that came before it.
      if (this.#failures !== failures) throw new MpoError("unavailable", "the store did not take the event before it");
      await this.#append(subject, event, signal);
    });
  }

  /** One after the other: each entry names the place of the one before it. */
  async #append(
    subject: string,
    event: Parameters<typeof EVENT.toBytes>[0],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const entry = { ...event, chain: this.#chain.next() };
    const unsealed = EVENT.toBytes(entry);
    const { hash } = chainedEntry({ subject, value: unsealed });
    const seal = this.#options.seal?.(Buffer.from(hash, "hex"));
    const value = seal === undefined ? unsealed : EVENT.toBytes({ ...entry, seal });
    try {
      const { sequence } = await this.#context.store.append(STREAMS.audit, subject, value, { signal });
      this.#chain.stored({ sequence, hash });
    } catch (thrown) {
      this.#chain.lost();
      if (isTransient(thrown)) this.#failures += 1;
      throw thrown;
    }
  }

  /** Writes an event of something that is done already, for which no caller waits: a failure is only logged. */
  async log(happening: Happening): Promise<void> {
    try {
      await this.write(happening);
    } catch (thrown) {
      this.#context.logger.warn("an event could not be stored", { ...happening, err: thrown });
    }
  }

  /** Follows the stream until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    for await (const stored of this.#context.store.follow(STREAMS.audit, { signal })) {
      const event = this.#eventOf(stored);
      if (event === undefined || this.#isKnown(event)) continue;
      this.#chain.saw({ sequence: stored.sequence, hash: chainedEntry(stored).hash });
      this.#recent.push(event);
      if (this.#recent.length > 2 * this.#options.maxRecent)
        this.#recent = this.#recent.slice(-this.#options.maxRecent);
    }
  }

  /** Entries that must be in the stream: the newest that was stored from here, and the newest that was seen. */
  get known(): readonly ChainLink[] {
    return this.#chain.known;
  }

  /** A store that went back in time gives places away again: what lay there and after it has never happened. */
  #isKnown(event: FleetEvent): boolean {
    if (event.sequence > (this.#recent.at(-1)?.sequence ?? 0)) return false;
    const known = this.#recent.find(({ sequence }) => sequence === event.sequence);
    if (known === undefined || (known.atMs === event.atMs && known.message === event.message)) return true;
    this.#recent = this.#recent.filter(({ sequence }) => sequence < event.sequence);
    return false;
  }

  /** Events before a position (0: from the newest), newest first. */
  async list(
    filter: EventFilter,
    { beforeSequence, limit, signal }: { beforeSequence: number; limit: number; signal?: AbortSignal },
  ): Promise<readonly FleetEvent[]> {
    const isWanted = (event: FleetEvent): boolean =>
      matches(event, filter) && (beforeSequence === 0 || event.sequence < beforeSequence);
    const recent = this.#recent.filter(isWanted);
    const oldest = this.#recent[0]?.sequence ?? 1;
    const found = recent.slice(-limit);
    // Backwards piece by piece, so that a page costs the same at any depth.
    for (let end = Math.min(oldest, beforeSequence || oldest); end > 1 && found.length < limit; ) {
      const after = Math.max(0, end - 1 - this.#options.maxScanned);
      const older = await this.#between(after, end, filter, signal);
      found.unshift(...older.filter(isWanted).slice(-(limit - found.length)));
      end = after + 1;
    }
    return found.reverse();
  }

  /** Events after a position, oldest first, and where to continue; absent: that was all. */
  async listAfter(
    filter: EventFilter,
    { afterSequence, limit, signal }: { afterSequence: number; limit: number; signal?: AbortSignal },
  ): Promise<{ readonly events: readonly FleetEvent[]; readonly nextAfterSequence?: number }> {
    const newest = this.#recent.at(-1)?.sequence ?? 0;
    let after = this.#skipTo(filter.sinceMs, afterSequence);
    const oldest = this.#recent[0]?.sequence ?? 1;
    const isInMemory = oldest <= after + 1;
    const end = isInMemory ? newest + 1 : Math.min(oldest, after + 1 + this.#options.maxScanned);
    const scanned = isInMemory
      ? this.#recent.filter(({ sequence }) => sequence > after)
      : await this.#between(after, end, filter, signal);
    const events = scanned.filter((event) => matches(event, filter)).slice(0, limit);
    after = events.length === limit ? (events.at(-1)?.sequence ?? after) : end - 1;
    return after >= newest ? { events } : { events, nextAfterSequence: after };
  }

  /** What is kept in memory need not be searched for in the store, when nothing older is asked for. */
  #skipTo(sinceMs: number | undefined, afterSequence: number): number {
    const first = this.#recent[0];
    if (sinceMs === undefined || first === undefined || first.atMs >= sinceMs) return afterSequence;
    return Math.max(afterSequence, first.sequence - 1);
  }

  /** Events after a position (0: only new ones), as they happen, until the signal aborts. */
  async *watch(
    filter: EventFilter,
    { afterSequence, signal }: { readonly afterSequence: number; readonly signal: AbortSignal },
  ): AsyncGenerator<FleetEvent, void, undefined> {
    using linked = linkSignals(signal);
    const from = (afterSequence === 0 ? (this.#recent.at(-1)?.sequence ?? 0) : afterSequence) + 1;
    const subject = `au.${filter.tenant}.>`;
    let newest = from - 1;
    for await (const stored of this.#context.store.follow(STREAMS.audit, { from, subject, signal: linked.signal })) {
      const event = this.#eventOf(stored);
      if (event === undefined || event.sequence <= newest) continue;
      newest = event.sequence;
      if (matches(event, filter)) yield event;
    }
  }

  /** A tenant's events of the store, after one place and before another, in order. */
  async #between(
    after: number,
    before: number,
    filter: EventFilter,
    signal: AbortSignal | undefined,
  ): Promise<readonly FleetEvent[]> {
    const found: FleetEvent[] = [];
    const subject = `au.${filter.tenant}.>`;
    for (let from = after + 1; from < before; ) {
      const events = await this.#context.store.read(STREAMS.audit, { from, subject, signal });
      const last = events.at(-1);
      if (last === undefined) break;
      found.push(
        ...events.flatMap((stored) => this.#eventOf(stored) ?? []).filter(({ sequence }) => sequence < before),
      );
      from = last.sequence + 1;
    }
    return found;
  }

  #eventOf({ value, sequence }: StreamEvent): FleetEvent | undefined {
    try {
      const { chain: _, seal: __, ...event } = EVENT.fromBytes(value);
      return { ...event, sequence };
    } catch (thrown) {
      this.#context.logger.error("an event in the store cannot be read", { sequence, err: thrown });
      return undefined;
    }
  }
}

function matches(event: FleetEvent, { tenant, device, formerNames = [], sinceMs = 0, untilMs }: EventFilter): boolean {
  const isInTime = event.atMs >= sinceMs && (untilMs === undefined || event.atMs < untilMs);
  const isOfDevice =
    device === undefined ||
    event.device === device ||
    formerNames.some((former) => event.device === former.device && event.atMs < former.untilMs);
  return isInTime && event.tenant === tenant && isOfDevice;
}
