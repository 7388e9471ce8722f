import { createHash } from "node:crypto";
import {
  compareVersions,
  type DesiredDocument,
  type DocumentVersion,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
} from "@mpo/protocol";
import type { StateStore } from "@mpo/transport";
import { BUCKETS } from "@mpo/transport";

/** One document as it was stored. */
interface PushedDocument {
  readonly revision: number;
  readonly version: DocumentVersion;
  readonly request: string;
}

/** Everything that happened in a simulation, and what must hold of it at every moment. */
export class FleetHistory {
  readonly #pushed = new Map<string, PushedDocument[]>();
  readonly #applied = new Map<string, DocumentVersion>();
  readonly #acknowledged = new Map<string, Set<string>>();
  readonly #trace = createHash("sha256");
  readonly #problems: string[] = [];
  #isRewound = false;
  #events = 0;

  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Whether the store ever went back in time: then it may have lost what it acknowledged, but devices must not follow. */
  get isRewound(): boolean {
    return this.#isRewound;
  }

  get events(): number {
    return this.#events;
  }

  /** A digest of all that happened, in order: equal for equal seeds. */
  traceHash(): string {
    return this.#trace.copy().digest("hex");
  }

  note(...facts: readonly (string | number)[]): void {
    this.#events++;
    this.#trace.update(`${facts.join(" ")}\n`);
  }

  fail(problem: string): void {
    this.#problems.push(problem);
  }

  rewound(): void {
    this.#isRewound = true;
  }

  /** A report was acknowledged to a device. */
  acknowledged(device: string, report: string): void {
    const reports = this.#acknowledged.get(device) ?? new Set();
    this.#acknowledged.set(device, reports.add(report));
  }

  acknowledgedBy(device: string): ReadonlySet<string> {
    return this.#acknowledged.get(device) ?? new Set();
  }

  /** A device runs by a document: never by an older one than before, never by one that nobody pushed. */
  applied(device: string, version: DocumentVersion | undefined): void {
    if (version === undefined) return;
    const before = this.#applied.get(device);
    if (before !== undefined && compareVersions(version, before) === 0) return;
    this.note("applied", device, version.epoch, version.version);
    if (before !== undefined && compareVersions(version, before) < 0) {
      this.fail(`${device} went back from ${textOf(before)} to ${textOf(version)}`);
    }
    this.#applied.set(device, version);
  }

  /** Follows every document that is stored, until the signal aborts. */
  async watch(store: StateStore, signal: AbortSignal): Promise<void> {
    for await (const change of store.watch(BUCKETS.desired, { signal })) {
      if (change.kind !== "put") continue;
      const envelope = desiredEnvelopeCodec.fromBytes(change.entry.value);
      this.#stored(desiredDocumentCodec.fromBytes(envelope.document), change.entry.revision);
    }
  }

  /** At the end: every applied version was pushed to its device, and no request was answered twice. */
  checkPushed(): void {
    for (const [device, version] of this.#applied) {
      const pushed = this.#pushed.get(device) ?? [];
      if (!pushed.some((one) => compareVersions(one.version, version) === 0)) {
        this.fail(`${device} runs by ${textOf(version)}, which nobody pushed to it`);
      }
    }
    if (this.#isRewound) return;
    for (const [device, pushed] of this.#pushed) {
      const requests = new Set<string>();
      for (const { request, version } of pushed) {
        if (requests.has(request))
          this.fail(`${device} got two documents for ${request}, the second ${textOf(version)}`);
        requests.add(request);
      }
    }
  }

  #stored({ device, version, request }: DesiredDocument, revision: number): void {
    const pushed = this.#pushed.get(device) ?? [];
    this.#pushed.set(device, pushed);
    const last = pushed.at(-1);
    if (last !== undefined && last.revision === revision && compareVersions(last.version, version) === 0) return;
    this.note("pushed", device, version.epoch, version.version, revision);
    if (last !== undefined && !this.#isRewound && compareVersions(version, last.version) <= 0) {
      this.fail(`${device} was pushed ${textOf(version)} after ${textOf(last.version)}`);
    }
    pushed.push({ revision, version, request });
  }
}

export function textOf({ epoch, version }: DocumentVersion): string {
  return `${epoch}.${version}`;
}
