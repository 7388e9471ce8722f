import { type Chain, MpoError, type Profile } from "@mpo/core";
import { Turns } from "@mpo/io";
import {
  type Adaptation,
  type DeviceIdentity,
  deviceKey,
  type ReportedStatus,
  type ReportProfileRequest,
} from "@mpo/protocol";
import { isTransient, type Logger, noTracing, type Tracing } from "@mpo/runtime";
import type { CallOptions } from "@mpo/transport";
import type { Disk, DiskJournal } from "../ports/disk.ts";
import type { FleetLink } from "../ports/fleet-link.ts";
import { decodeOutboxRecord, encodeOutboxRecord, type OutboxRecord, type WaitingReport } from "./outbox-record.ts";

const JOURNAL_FILE = "outbox.journal";
/** Reports that wait at most; a device that was cut off for long keeps the newest. */
const MAX_WAITING = 512;
const COMPACT_ABOVE_BYTES = 2 ** 18;

export interface OutboxOptions {
  readonly identity: DeviceIdentity;
  /** Begins the names of new reports: another at each start, so that a copied journal gives none twice. */
  readonly name: string;
  readonly logger: Logger;
  /** Default: nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

interface Waiting {
  readonly report: WaitingReport;
  /** Its length in the journal; 0 until it is there. */
  bytes: number;
  /** Whether it is on the disk. */
  isStored: boolean;
}

interface FoundRecord {
  readonly record: OutboxRecord;
  readonly bytes: number;
}

/**
 * Reports on their way to the coordinator. They lie in a journal before they are sent, so that a crash loses none; each
 * has a name that stays with it, so that one which was sent twice is stored once.
 */
export class Outbox {
  readonly #journal: DiskJournal;
  readonly #options: OutboxOptions;
  readonly #waiting = new Map<string, Waiting>();
  #nextSequence: number;
  #dropped = 0;
  readonly #turns = new Turns();

  private constructor(journal: DiskJournal, records: readonly FoundRecord[], options: OutboxOptions) {
    this.#journal = journal;
    this.#options = options;
    let nextSequence = 1;
    for (const { record, bytes } of records) {
      switch (record.kind) {
        case "outbox":
          nextSequence = Math.max(nextSequence, record.nextSequence);
          break;
        case "done":
          this.#waiting.delete(record.report);
          break;
        case "profile":
        case "status":
        case "adaptation":
          this.#waiting.set(record.request.report, { report: own(record, options.identity), bytes, isStored: true });
          nextSequence = Math.max(nextSequence, sequenceOf(record.request.report) + 1);
      }
    }
    this.#nextSequence = nextSequence;
  }

  /** Opens the journal. What of it was damaged, and records that cannot be read (another version's), are lost and logged. */
  static async open(disk: Disk, options: OutboxOptions): Promise<Outbox> {
    const journal = await disk.openJournal(JOURNAL_FILE);
    if (journal.setAside !== undefined) {
      options.logger.error("reports that waited are lost: their journal was damaged, and is set aside", {
        file: journal.setAside,
        kept: journal.payloads.length,
      });
    }
    const records = journal.payloads.flatMap((payload) => {
      try {
        return [{ record: decodeOutboxRecord(payload), bytes: payload.length }];
      } catch (thrown) {
        options.logger.error("a report that waited cannot be read and is lost", { err: MpoError.from(thrown) });
        return [];
      }
    });
    return new Outbox(journal, records, options);
  }

  /** Reports that wait, oldest first. */
  get waiting(): readonly WaitingReport[] {
    return [...this.#waiting.values()].map(({ report }) => report);
  }

  /** Reports that were thrown away because too many waited, or because the coordinator refused them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds a profile with the model that it is of, and returns the name of its report; an older one of the same model that still waits is dropped, unless it answers an order. */
  addProfile(profile: Profile, chain: Chain, order: string | undefined): Promise<string> {
    return this.#turns.take(async () => {
      const outdated = this.waiting.filter(
        ({ kind, request }) =>
          kind === "profile" && request.order === undefined && request.profile.model.name === profile.model.name,
      );
      const report = this.#nameNext();
      const { identity } = this.#options;
      const request = { identity, report, ...(order === undefined ? {} : { order }), profile, chain };
      await this.#add({ kind: "profile", request });
      for (const { request: old } of outdated) await this.#remove(old.report);
      return report;
    });
  }

  /** Adds a profile again under the name that it was reported by: a coordinator that has it stores it once. */
  addAgain({
    report,
    profile,
    chain,
  }: Pick<ReportProfileRequest, "report" | "profile"> & { readonly chain: Chain }): Promise<void> {
    const { identity } = this.#options;
    return this.#turns.take(() => this.#add({ kind: "profile", request: { identity, report, profile, chain } }));
  }

  /** Adds what was learned of a drift; what still waits of the same model is of less use by now, and dropped. */
  addAdaptation(adaptation: Adaptation): Promise<void> {
    return this.#turns.take(async () => {
      const outdated = this.waiting.filter(
        ({ kind, request }) => kind === "adaptation" && request.adaptation.model === adaptation.model,
      );
      const report = this.#nameNext();
      await this.#add({ kind: "adaptation", request: { identity: this.#options.identity, report, adaptation } });
      for (const { request: old } of outdated) await this.#remove(old.report);
    });
  }

  /** Adds what became of a document or a window. */
  addStatus(status: ReportedStatus, reportedAtMs: number): Promise<void> {
    return this.#turns.take(async () => {
      const sequence = this.#nextSequence;
      const report = this.#nameNext();
      const request = { identity: this.#options.identity, report, sequence, reportedAtMs, status };
      await this.#add({ kind: "status", request });
    });
  }

  /**
   * Sends what waits, oldest first, until nothing does. Throws what made it stop: `unavailable`, `timed-out`,
   * `not-found` (the device must introduce itself first), `unauthenticated`, `cancelled`. What a coordinator refuses for
   * good is dropped and logged.
   */
  async flush(link: FleetLink, options: CallOptions = {}): Promise<void> {
    for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
      const { report } = next.request;
      await this.#turns.take(() => this.#storeLeft());
      try {
        await this.#send(next, link, options);
      } catch (thrown) {
        if (!isRefusal(thrown)) throw thrown;
        this.#dropped += 1;
        this.#options.logger.error("the coordinator refused a report; it is dropped", { report, err: thrown });
      }
      await this.#turns.take(() => this.#remove(report));
    }
  }

  /** A report begins a trace, and its call has the name of that in all logs. */
  async #send(next: WaitingReport, link: FleetLink, options: CallOptions): Promise<void> {
    const { identity, tracing = noTracing } = this.#options;
    const attributes = { "mpo.device": deviceKey(identity), "mpo.report": next.request.report };
    await tracing.span({ name: `report ${next.kind}`, kind: "client", attributes }, async (span) => {
      const trace = span === undefined ? {} : { traceparent: span.traceparent, requestId: span.traceId };
      await send(next, link, { ...options, ...trace });
    });
  }

  close(): Promise<void> {
    return this.#turns.take(() => this.#journal.close());
  }

  #nameNext(): string {
    return `${this.#options.name}-${this.#nextSequence++}`;
  }

  async #add(given: WaitingReport): Promise<void> {
    const report = own(given, this.#options.identity);
    // What cannot be encoded fails here, and does not hold back what comes after it.
    encodeOutboxRecord(report);
    this.#waiting.set(report.request.report, { report, bytes: 0, isStored: false });
    await this.#storeLeft();
    while (this.#waiting.size > MAX_WAITING) {
      const [oldest] = this.#waiting.keys();
      this.#dropped += 1;
      this.#options.logger.warn("too many reports wait; the oldest is dropped", { report: oldest });
      await this.#remove(oldest as string);
    }
  }

  /** Writes down what is not on the disk yet. A full or read-only disk is logged: the report is still sent from memory. */
  async #storeLeft(): Promise<void> {
    try {
      for (const waiting of this.#waiting.values()) {
        if (waiting.isStored) continue;
        const record = encodeOutboxRecord(waiting.report);
        await this.#journal.append(record);
        waiting.bytes = record.length;
        waiting.isStored = true;
      }
    } catch (thrown) {
      this.#logOrThrow(thrown, "a report could not be written down; a crash would lose it");
    }
  }

  async #remove(report: string): Promise<void> {
    const waiting = this.#waiting.get(report);
    if (waiting === undefined) return;
    this.#waiting.delete(report);
    if (!waiting.isStored) return;
    try {
      if (this.#journal.sizeBytes > COMPACT_ABOVE_BYTES && this.#isMostlyDone()) {
        const stored = [...this.#waiting.values()].filter(({ isStored }) => isStored);
        const head: OutboxRecord = { kind: "outbox", nextSequence: this.#nextSequence };
        await this.#journal.compact([head, ...stored.map((left) => left.report)].map(encodeOutboxRecord));
      } else {
        await this.#journal.append(encodeOutboxRecord({ kind: "done", report }));
      }
    } catch (thrown) {
      // Sent again after a crash, it is recognised by its name.
      this.#logOrThrow(thrown, "it could not be written down that a report was delivered");
    }
  }

  /** Compacting writes everything that waits: worth it only when that is the smaller part. */
  #isMostlyDone(): boolean {
    let bytes = 0;
    for (const waiting of this.#waiting.values()) bytes += waiting.bytes;
    return bytes < this.#journal.sizeBytes / 2;
  }

  #logOrThrow(thrown: unknown, message: string): void {
    const { code } = MpoError.from(thrown);
    if (code !== "unavailable" && code !== "precondition-failed") throw thrown;
    this.#options.logger.error(message, { err: thrown });
  }
}

async function send({ kind, request }: WaitingReport, link: FleetLink, options: CallOptions): Promise<void> {
  if (kind === "profile") await link.reportProfile(request, options);
  else if (kind === "status") await link.reportStatus(request, options);
  else await link.reportAdaptation?.(request, options);
}

/** A report under the device's name of today: the device may have had another one when it was made, or measured. */
function own(report: WaitingReport, identity: DeviceIdentity): WaitingReport {
  if (report.kind === "status") return { kind: "status", request: { ...report.request, identity } };
  if (report.kind === "adaptation") return { kind: "adaptation", request: { ...report.request, identity } };
  const { profile } = report.request;
  const device = { ...profile.device, id: identity.device };
  return { kind: "profile", request: { ...report.request, identity, profile: { ...profile, device } } };
}

/** Answers that another attempt would get again. */
export function isRefusal(thrown: unknown): boolean {
  if (!(thrown instanceof MpoError) || isTransient(thrown)) return false;
  return ["invalid-argument", "invalid-data", "precondition-failed", "already-exists", "unsupported"].includes(
    thrown.code,
  );
}

function sequenceOf(report: string): number {
  const sequence = Number(report.slice(report.lastIndexOf("-") + 1));
  return Number.isSafeInteger(sequence) ? sequence : 0;
}
