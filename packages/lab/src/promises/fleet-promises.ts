import { formatVersion } from "@mpo/core";
import {
  compareVersions,
  type DesiredDocument,
  type DeviceIdentity,
  type DocumentVersion,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
} from "@mpo/protocol";
import { BUCKETS, type StateStore } from "@mpo/transport";
import { compareReports } from "./compare-reports.ts";

/** Looks up a version of a device's document; throws `not-found` when it was never pushed, or is forgotten. */
export type FindDocument = (identity: DeviceIdentity, version: DocumentVersion) => Promise<unknown>;

/** How often each promise was broken, and how much was seen of which it could have been. */
export interface PromiseFigures {
  readonly acknowledged: number;
  /** Acknowledged profiles that are not stored. */
  readonly lost: number;
  /** Reports that were stored more than once, and measurements that were stored under two names. */
  readonly duplicated: number;
  readonly applied: number;
  /** Applied versions that were not pushed to the device. */
  readonly unpushed: number;
  /** Times that a device went to an older version. */
  readonly wentBack: number;
}

/** The acknowledged reports of a device's model: what each measured. */
interface Acknowledged {
  readonly identity: DeviceIdentity;
  readonly model: string;
  readonly reports: Map<string, number>;
}

/** Documents of a device that are looked up between checks. */
const RECENT = 8;

/**
 * What a fleet was seen to do from outside, and what must hold of it whatever goes wrong: what was acknowledged is stored,
 * once; and a device runs by documents that were pushed to it, never by an older one than before, unless it has given the
 * newer one up.
 */
export class FleetPromises {
  readonly #acknowledged = new Map<string, Acknowledged>();
  readonly #applied = new Map<string, { readonly identity: DeviceIdentity; readonly versions: DocumentVersion[] }>();
  readonly #pushed = new Set<string>();
  readonly #problems: string[] = [];
  /** Acknowledged by a store that was replaced since. */
  #forgotten = 0;
  readonly #broken = { lost: 0, duplicated: 0, unpushed: 0, wentBack: 0 };

  get problems(): readonly string[] {
    return this.#problems;
  }

  get figures(): PromiseFigures {
    const reports = [...this.#acknowledged.values()].map(({ reports: { size } }) => size);
    const versions = [...this.#applied.values()].map(({ versions: { length } }) => length);
    return {
      acknowledged: reports.reduce((sum, count) => sum + count, this.#forgotten),
      applied: versions.reduce((sum, count) => sum + count, 0),
      ...this.#broken,
    };
  }

  fail(problem: string): void {
    this.#problems.push(problem);
  }

  /** The report of a measurement was acknowledged to its device. */
  acknowledged(identity: DeviceIdentity, model: string, report: string, measurement: number): void {
    const key = `${identity.device} ${model}`;
    const { reports } = this.#acknowledged.get(key) ?? { reports: new Map<string, number>() };
    this.#acknowledged.set(key, { identity, model, reports });
    const before = reports.get(report);
    if (before !== undefined && before !== measurement) {
      this.#breaks("lost", `${key}: ${report} stood for two measurements: one of them is lost`);
    }
    for (const [other, measured] of reports) {
      if (other === report || measured !== measurement) continue;
      this.#breaks("duplicated", `${key}: one measurement was reported as ${other} and as ${report}`);
    }
    reports.set(report, measurement);
  }

  /**
   * A device runs by a document; `isGivenUp`: because it has given up the newest, which is then not the one in use. Returns
   * whether it is another than before.
   */
  applied(identity: DeviceIdentity, version: DocumentVersion, isGivenUp: boolean): boolean {
    const { device } = identity;
    const { versions } = this.#applied.get(device) ?? { versions: [] as DocumentVersion[] };
    this.#applied.set(device, { identity, versions });
    const last = versions.at(-1);
    const order = last === undefined ? 1 : compareVersions(version, last);
    if (order < 0 && !isGivenUp) this.#breaks("wentBack", `${device} went back to ${formatVersion(version)}`);
    if (order !== 0) versions.push(version);
    return order !== 0;
  }

  newestApplied(device: string): DocumentVersion | undefined {
    return this.#applied.get(device)?.versions.at(-1);
  }

  /** The store was deleted, or an older copy was put back: it may have lost what it acknowledged and pushed until now. */
  storeReplaced(): void {
    this.#forgotten = this.figures.acknowledged;
    this.#acknowledged.clear();
    for (const { identity, version } of this.#unseen()) this.#pushed.add(pushKey(identity.device, version));
  }

  /** Follows the documents that are stored, until the signal aborts. Some may pass unseen while the store is down. */
  async watch(store: StateStore, signal: AbortSignal): Promise<void> {
    for await (const change of store.watch(BUCKETS.desired, { signal })) {
      if (change.kind !== "put") continue;
      const { document } = desiredEnvelopeCodec.fromBytes(change.entry.value);
      this.stored(desiredDocumentCodec.fromBytes(document), change.entry.revision);
    }
  }

  /** A document was stored, and with that pushed. */
  protected stored({ device, version }: DesiredDocument, _revision: number): void {
    this.#pushed.add(pushKey(device, version));
  }

  /** Asks for documents that passed unseen, before they are forgotten. What cannot be answered now is asked again. */
  async lookUp(find: FindDocument): Promise<void> {
    for (const { identity, version } of this.#unseen(RECENT)) {
      await find(identity, version).then(
        () => this.#pushed.add(pushKey(identity.device, version)),
        () => undefined,
      );
    }
  }

  /** Holds what was acknowledged against the store. */
  async checkReports(store: StateStore): Promise<void> {
    for (const [key, { identity, model, reports }] of this.#acknowledged) {
      const { lost, duplicated, isComplete } = await compareReports(store, { identity, model }, reports.keys());
      if (!isComplete) {
        this.fail(`${key}: the store does not name all of its reports`);
        continue;
      }
      for (const report of lost) this.#breaks("lost", `${key}: ${report} was acknowledged and is not stored`);
      if (duplicated > 0) this.#breaks("duplicated", `${key}: ${duplicated} reports are stored again`);
    }
  }

  /** Every document that was applied had been pushed to its device. Asks for those that passed unseen. */
  async checkPushed(find: FindDocument): Promise<void> {
    for (const { identity, version } of this.#unseen()) {
      try {
        await find(identity, version);
        this.#pushed.add(pushKey(identity.device, version));
      } catch (thrown) {
        this.#breaks("unpushed", `${identity.device} ran by ${formatVersion(version)}: ${String(thrown)}`);
      }
    }
  }

  /** Of each device's newest documents (all, when it is not said how many), those that were not seen to be pushed. */
  #unseen(newest: number = Number.POSITIVE_INFINITY): { identity: DeviceIdentity; version: DocumentVersion }[] {
    return [...this.#applied.values()].flatMap(({ identity, versions }) =>
      versions.slice(-newest).flatMap((version) => {
        return this.#pushed.has(pushKey(identity.device, version)) ? [] : [{ identity, version }];
      }),
    );
  }

  #breaks(promise: "lost" | "duplicated" | "unpushed" | "wentBack", problem: string): void {
    this.#broken[promise]++;
    this.fail(problem);
  }
}

function pushKey(device: string, version: DocumentVersion): string {
  return `${device} ${formatVersion(version)}`;
}
