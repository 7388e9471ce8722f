import { createHash } from "node:crypto";
import { formatVersion } from "@mpo/core";
import { compareVersions, type DesiredDocument, type DeviceIdentity, type DocumentVersion } from "@mpo/protocol";
import { FleetPromises } from "../promises/fleet-promises.ts";
import { FORGED_VERSION } from "./forged-document.ts";
import type { LiveCoordinator } from "./simulated-network.ts";

interface PushedDocument {
  readonly revision: number;
  readonly version: DocumentVersion;
}

/** What is promised: a push of the revocation that meets a NATS which is away is made again. */
const OFF_WITHIN_MS = 60_000;

/** Everything that happened in a simulation, in order; and what holds of documents where nothing passes unseen. */
export class FleetHistory extends FleetPromises {
  readonly #newest = new Map<string, PushedDocument>();
  readonly #requests = new Map<string, string>();
  readonly #trace = createHash("sha256");
  /** When devices were revoked that were not let in again since; and what was made when. */
  readonly #revokedAtMs = new Map<string, number>();
  readonly #madeAtMs = new Map<string, number>();
  #isRewound = false;
  #events = 0;

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

  rewound(): void {
    this.#isRewound = true;
    // A store that went back may not know of them: people revoke again.
    this.#revokedAtMs.clear();
  }

  override applied(identity: DeviceIdentity, version: DocumentVersion, isGivenUp: boolean): boolean {
    const isNew = super.applied(identity, version, isGivenUp);
    if (isNew) this.note("applied", identity.device, version.epoch, version.version);
    if (isNew) this.#mayApply(identity, version);
    return isNew;
  }

  /** From now on the device gets nothing. */
  revoked(device: string, atMs: number): void {
    if (!this.#isRewound) this.#revokedAtMs.set(device, atMs);
  }

  letIn(device: string): void {
    this.#revokedAtMs.delete(device);
  }

  #mayApply({ device }: DeviceIdentity, version: DocumentVersion): void {
    if (version.version >= FORGED_VERSION) this.fail(`${device} runs by a forged document`);
    const revokedMs = this.#revokedAtMs.get(device);
    const madeMs = this.#madeAtMs.get(`${device} ${formatVersion(version)}`);
    if (revokedMs === undefined || madeMs === undefined || madeMs <= revokedMs + OFF_WITHIN_MS) return;
    this.fail(
      `${device} runs by ${formatVersion(version)}, which was made ${madeMs - revokedMs} ms after it was revoked`,
    );
  }

  /** No event was changed, lost or moved. */
  async checkEvents({ coordinator: { admin } }: LiveCoordinator, signal: AbortSignal): Promise<void> {
    for await (const { findings } of admin.verifyEvents({}, { signal })) {
      for (const { kind, sequence, message } of findings) this.fail(`event ${sequence} is ${kind}: ${message}`);
    }
  }

  /** Versions of a device only grow, and no request is answered twice, unless the store went back. */
  protected override stored(document: DesiredDocument, revision: number): void {
    super.stored(document, revision);
    const { device, version, request, issuedAtMs } = document;
    this.#madeAtMs.set(`${device} ${formatVersion(version)}`, issuedAtMs);
    const last = this.#newest.get(device);
    if (last !== undefined && last.revision === revision && compareVersions(last.version, version) === 0) return;
    this.note("pushed", device, version.epoch, version.version, revision);
    this.#newest.set(device, { revision, version });
    if (this.#isRewound) return;
    if (last !== undefined && compareVersions(version, last.version) <= 0) {
      this.fail(`${device} was pushed ${formatVersion(version)} after ${formatVersion(last.version)}`);
    }
    const key = `${device} ${request}`;
    const first = this.#requests.get(key);
    if (first !== undefined)
      this.fail(`${device} got ${first} and ${formatVersion(version)} for one request, ${request}`);
    this.#requests.set(key, formatVersion(version));
  }
}
