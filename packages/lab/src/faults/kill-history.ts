import { storedReports } from "@mpo/coordinator";
import {
  compareVersions,
  type DeviceIdentity,
  type DocumentVersion,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
} from "@mpo/protocol";
import type { StateStore } from "@mpo/transport";
import { BUCKETS } from "@mpo/transport";

/** Looks up a version of a device's document; throws `not-found` when it was never pushed, or is forgotten. */
export type FindDocument = (identity: DeviceIdentity, version: DocumentVersion) => Promise<unknown>;

interface Acknowledged {
  readonly identity: DeviceIdentity;
  readonly model: string;
  /** What each report measured. */
  readonly reports: Map<string, number>;
}

/** What a history says in the end. */
export interface HistoryFigures {
  readonly acknowledged: number;
  /** Acknowledged profiles that are not stored. */
  readonly lost: number;
  /** Reports that were stored more than once, and measurements that were stored under two names. */
  readonly duplicated: number;
  readonly applied: number;
  /** Applied versions that nobody pushed to the device. */
  readonly unpushed: number;
  /** Times that a device went to an older version. */
  readonly wentBack: number;
}

/** Documents of a device that are asked for between checks. */
const RECENT = 8;

/** What happened, seen from outside of the killed processes, and what must hold of it. */
export class KillHistory {
  readonly #acknowledged = new Map<string, Acknowledged>();
  readonly #applied = new Map<string, { readonly identity: DeviceIdentity; readonly versions: DocumentVersion[] }>();
  readonly #pushed = new Set<string>();
  readonly #problems: string[] = [];
  #lost = 0;
  #duplicated = 0;
  #unpushed = 0;
  #wentBack = 0;

  get problems(): readonly string[] {
    return this.#problems;
  }

  get figures(): HistoryFigures {
    const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
    return {
      acknowledged: sum([...this.#acknowledged.values()].map(({ reports }) => reports.size)),
      lost: this.#lost,
      duplicated: this.#duplicated,
      applied: sum([...this.#applied.values()].map(({ versions }) => versions.length)),
      unpushed: this.#unpushed,
      wentBack: this.#wentBack,
    };
  }

  /** A device was told that its report of a measurement is stored. */
  acknowledged(identity: DeviceIdentity, model: string, report: string, measurement: number): void {
    const key = `${identity.device} ${model}`;
    const known = this.#acknowledged.get(key) ?? { identity, model, reports: new Map<string, number>() };
    this.#acknowledged.set(key, known);
    const before = known.reports.get(report);
    if (before !== undefined && before !== measurement) {
      this.#lost++;
      this.#problems.push(`${key}: ${report} stood for two measurements: one of them is lost`);
    }
    for (const [other, measured] of known.reports) {
      if (other === report || measured !== measurement) continue;
      this.#duplicated++;
      this.#problems.push(`${key}: one measurement was reported as ${other} and as ${report}`);
    }
    known.reports.set(report, measurement);
  }

  /** A device runs by a document. */
  applied(identity: DeviceIdentity, version: DocumentVersion): void {
    const known = this.#applied.get(identity.device) ?? { identity, versions: [] };
    this.#applied.set(identity.device, known);
    const last = known.versions.at(-1);
    const order = last === undefined ? 1 : compareVersions(version, last);
    if (order < 0) {
      this.#wentBack++;
      this.#problems.push(`${identity.device} went back to ${textOf(version)}`);
    }
    if (order !== 0) known.versions.push(version);
  }

  newestApplied(device: string): DocumentVersion | undefined {
    return this.#applied.get(device)?.versions.at(-1);
  }

  /** Follows the documents that are stored, until the signal aborts. Some may pass unseen while the server is down. */
  async watch(store: StateStore, signal: AbortSignal): Promise<void> {
    for await (const change of store.watch(BUCKETS.desired, { signal })) {
      if (change.kind !== "put") continue;
      const { document } = desiredEnvelopeCodec.fromBytes(change.entry.value);
      const { device, version } = desiredDocumentCodec.fromBytes(document);
      this.#pushed.add(pushKey(device, version));
    }
  }

  /** Asks for documents that passed unseen, before they are forgotten. What cannot be answered now is asked again. */
  async lookUp(find: FindDocument): Promise<void> {
    for (const { identity, versions } of this.#applied.values()) {
      for (const version of versions.slice(-RECENT)) {
        const key = pushKey(identity.device, version);
        if (this.#pushed.has(key)) continue;
        await find(identity, version).then(
          () => this.#pushed.add(key),
          () => undefined,
        );
      }
    }
  }

  /** Holds what was acknowledged against the store, and asks for documents that passed unseen. */
  async check(store: StateStore, find: FindDocument): Promise<void> {
    for (const [key, { identity, model, reports }] of this.#acknowledged) {
      // What is acknowledged while the store is asked may be newer than its answer.
      const acknowledged = [...reports.keys()];
      const stored = await storedReports(store, { identity, model });
      const names = new Set(stored.reports);
      // The store remembers the newest names only.
      const isComplete = stored.storedCount === stored.reports.length;
      const lost = acknowledged.filter((report) => !names.has(report));
      if (isComplete && lost.length > 0) {
        this.#lost += lost.length;
        this.#problems.push(`${key}: ${lost.join()} were acknowledged and are not stored`);
      }
      if (names.size !== stored.reports.length || (isComplete && stored.storedCount !== names.size)) {
        this.#duplicated++;
        this.#problems.push(`${key}: ${stored.storedCount} stored, ${names.size} different`);
      }
      if (!isComplete) this.#problems.push(`${key}: ${stored.storedCount} reports are more than can be checked`);
    }
    for (const { identity, versions } of this.#applied.values()) {
      for (const version of versions) {
        if (this.#pushed.has(pushKey(identity.device, version))) continue;
        try {
          await find(identity, version);
          this.#pushed.add(pushKey(identity.device, version));
        } catch (thrown) {
          this.#unpushed++;
          this.#problems.push(`${identity.device} ran by ${textOf(version)}: ${String(thrown)}`);
        }
      }
    }
  }
}

function textOf({ epoch, version }: DocumentVersion): string {
  return `${epoch}.${version}`;
}

function pushKey(device: string, version: DocumentVersion): string {
  return `${device} ${textOf(version)}`;
}
