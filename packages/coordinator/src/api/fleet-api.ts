import { MpoError, SECOND_MS } from "@mpo/core";
import type { Clock } from "@mpo/io";
import {
  type ArtifactChunk,
  compareVersions,
  type DeviceIdentity,
  type DocumentVersion,
  deviceKey,
  type EnrollRequest,
  type EnrollResponse,
  type FetchArtifactRequest,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type HelloRequest,
  type HelloResponse,
  type ReportProfileRequest,
  type ReportProfileResponse,
  type ReportStatusRequest,
  type ReportStatusResponse,
} from "@mpo/protocol";
import type { Logger } from "@mpo/runtime";
import type { ArtifactStore } from "../artifacts/artifact-store.ts";
import type { CurrentDocument, DocumentService } from "../documents/document-service.ts";
import type { Audit } from "../events/audit.ts";
import type { PriorService } from "../priors/prior-service.ts";
import { type ProbePolicy, probeOrders } from "../probes/probe-orders.ts";
import type { ProfileService } from "../profiles/profile-service.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { Registry } from "../registry/registry.ts";
import type { StatusService } from "../registry/status-service.ts";
import type { SearchQueue } from "../search/search-queue.ts";
import type { SearchService } from "../search/search-service.ts";
import { deviceIdentityOf, type PeerFacts } from "./device-identity.ts";

/** One call. */
export interface ApiCall extends PeerFacts {
  readonly signal: AbortSignal;
  /** Name of the call in the logs. */
  readonly requestId?: string;
}

/** What the API of devices stands on. */
export interface FleetParts {
  readonly registry: Registry;
  readonly statuses: StatusService;
  readonly profiles: ProfileService;
  readonly priors: PriorService;
  readonly documents: DocumentService;
  readonly searches: SearchService;
  readonly queue: SearchQueue;
  readonly audit: Audit;
  readonly artifacts: ArtifactStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly probes: ProbePolicy;
  /** How often devices are to say that they are there, at the moment. */
  readonly heartbeatSeconds: () => number;
  /** Where devices find NATS. */
  readonly natsServers: readonly string[];
  readonly onReport?: (kind: "profile" | "status", isDuplicate: boolean) => void;
  /** A document was sent again, above what a device knows. */
  readonly onRaised?: () => void;
}

/** A device whose profile is missing is asked to say hello again after so many heartbeats: it may be measuring. */
const HELLO_AGAIN_HEARTBEATS = 5;

/** What agents ask of a coordinator. Every call is safe to repeat; what is acknowledged is stored. */
export class FleetApi {
  readonly #parts: FleetParts;
  /** When each device last said hello here, by the clock's monotonic time. */
  readonly #helloAtMs = new Map<string, number>();

  constructor(parts: FleetParts) {
    this.#parts = parts;
  }

  async enroll(request: EnrollRequest, { signal, ...facts }: ApiCall): Promise<EnrollResponse> {
    const identity = deviceIdentityOf(request.identity, facts);
    const { isNew } = await this.#parts.registry.introduce(
      { identity, inventory: request.inventory, labels: request.labels },
      { signal },
    );
    if (isNew) await this.#tellEnrolled(identity, request.inventory.deviceClass, facts);
    return { state: "accepted", retryAfterSeconds: 0 };
  }

  async hello(request: HelloRequest, { signal, ...facts }: ApiCall): Promise<HelloResponse> {
    const { registry, clock, heartbeatSeconds, natsServers } = this.#parts;
    const identity = deviceIdentityOf(request.identity, facts);
    const { resources, appliedVersion, versionFloor } = request;
    this.#helloAtMs.set(deviceKey(identity), clock.monotonicMs());
    const { isNew } = await registry.introduce(request, { signal });
    if (isNew) await this.#tellEnrolled(identity, request.inventory.deviceClass, facts);
    const seen = { resources, ...(appliedVersion === undefined ? {} : { appliedVersion }) };
    await registry.saw(identity, seen, { signal });
    await this.#toldOf(identity, newest(versionFloor, appliedVersion), signal);
    await this.#askForMissing(request, signal);
    const news = await this.#news(identity, appliedVersion, signal);
    return {
      serverTimeMs: clock.now(),
      ...desired(news?.document.version ?? this.#parts.documents.version(identity)),
      ...(news === undefined ? {} : { desired: news.envelope }),
      probes: this.#probes(request),
      heartbeatSeconds: heartbeatSeconds(),
      natsServers,
    };
  }

  async heartbeat(request: HeartbeatRequest, { signal, ...facts }: ApiCall): Promise<HeartbeatResponse> {
    const { registry, documents, clock, heartbeatSeconds } = this.#parts;
    const identity = deviceIdentityOf(request.identity, facts);
    const device = registry.device(identity);
    if (device !== undefined) {
      await registry.saw(identity, request, { signal });
      await this.#toldOf(identity, request.appliedVersion, signal);
    }
    const version = documents.version(identity);
    // Also when what it once reported is gone (a store that was put back): the answer to a hello asks for it again.
    const isForgotten =
      version === undefined &&
      (request.appliedVersion !== undefined || this.#lacksProfile(device)) &&
      !this.#hasJustSaidHello(identity);
    const needsHello = device === undefined || isForgotten;
    return { serverTimeMs: clock.now(), ...desired(version), heartbeatSeconds: heartbeatSeconds(), needsHello };
  }

  async reportProfile(request: ReportProfileRequest, { signal, ...facts }: ApiCall): Promise<ReportProfileResponse> {
    const { profiles, queue, audit, logger, onReport } = this.#parts;
    const identity = deviceIdentityOf(request.identity, facts);
    await this.#requireDevice(identity, signal);
    await this.#parts.registry.heardOf(identity, { signal });
    const { header, revision, isDuplicate } = await profiles.store(request, { signal });
    const isNewest = header.reports.at(-1) === request.report;
    const needsChain = isNewest && header.chain === undefined;
    // Also for a repeated one: who asked for the search may have ended between the two writes.
    if (isNewest && !needsChain) {
      const name = { identity, model: request.profile.model.name };
      await queue.ask(
        name,
        { request: requestOfReport(request.report), actor: `device ${identity.device}` },
        { signal },
      );
    }
    onReport?.("profile", isDuplicate);
    if (!isDuplicate) {
      const model = request.profile.model.name;
      const { requestId } = facts;
      logger.info("a profile is stored", { deviceId: identity.device, model, report: request.report, requestId });
      await audit.tell({
        kind: "profile-stored",
        identity,
        actor: `device ${identity.device}`,
        message: `report ${request.report}: ${request.profile.model.name}, ${request.profile.steps.length} steps measured`,
      });
    }
    return { isDuplicate, revision, needsChain };
  }

  async reportStatus(request: ReportStatusRequest, { signal, ...facts }: ApiCall): Promise<ReportStatusResponse> {
    const { statuses, audit, documents, logger, onReport } = this.#parts;
    const identity = deviceIdentityOf(request.identity, facts);
    await this.#requireDevice(identity, signal);
    await this.#parts.registry.heardOf(identity, { signal });
    const { isDuplicate } = await statuses.store(request, { signal });
    const { status } = request;
    // A refused document may never have been the device's own: its version says nothing.
    if (status.kind === "document" && status.document.state !== "refused") {
      await this.#toldOf(identity, status.document.version, signal);
    }
    onReport?.("status", isDuplicate);
    if (!isDuplicate) {
      const event = statusEvent(request);
      logger.info("a device has told", { deviceId: identity.device, ...event, requestId: facts.requestId });
      await audit.tell({ identity, actor: `device ${identity.device}`, ...event });
    }
    return { isDuplicate, ...desired(documents.version(identity)) };
  }

  fetchArtifact(
    { identity, digest, offset }: FetchArtifactRequest,
    { signal, ...facts }: ApiCall,
  ): AsyncIterable<ArtifactChunk> {
    deviceIdentityOf(identity, facts);
    return this.#parts.artifacts.read(digest, offset, { signal });
  }

  /** A device has told of a version: if the store knows none so new, it is an older copy, and must get above it. */
  async #toldOf(identity: DeviceIdentity, version: DocumentVersion | undefined, signal: AbortSignal): Promise<void> {
    const { registry, documents, searches, audit } = this.#parts;
    if (version === undefined) return;
    await registry.raiseFloor(identity, version, { signal });
    const ours = documents.version(identity);
    if (ours !== undefined && compareVersions(ours, version) >= 0) return;
    const raised = await searches.raise(identity, { signal });
    if (raised === undefined) return;
    this.#parts.onRaised?.();
    const message = `the device knows ${version.epoch}.${version.version}: sent again as ${raised.version.epoch}.${raised.version.version}`;
    this.#parts.logger.warn("the store is older than what a device knows", { deviceId: identity.device, version });
    await audit.tell({ kind: "config-raised", identity, actor: "coordinator", message });
  }

  /**
   * A device's document, if it does not run by it already. Where the index has nothing new the store is not asked: a fleet
   * that comes back says hello all at once, and what was pushed in this moment comes to the device by NATS.
   */
  async #news(
    identity: DeviceIdentity,
    applied: DocumentVersion | undefined,
    signal: AbortSignal,
  ): Promise<CurrentDocument | undefined> {
    const { documents } = this.#parts;
    const isNewer = (version: DocumentVersion | undefined): boolean =>
      version !== undefined && (applied === undefined || compareVersions(version, applied) > 0);
    if (!isNewer(documents.version(identity))) return undefined;
    const current = await documents.current(identity, { signal });
    return isNewer(current?.document.version) ? current : undefined;
  }

  /** Models that have a profile but no document: the search was lost, or the model was not served when it was measured. */
  async #askForMissing({ identity, models }: HelloRequest, signal: AbortSignal): Promise<void> {
    const { profiles, documents, queue } = this.#parts;
    if (documents.version(identity) !== undefined) return;
    for (const { name: model } of models) {
      const facts = profiles.facts({ identity, model })?.value;
      if (facts?.chain === undefined) continue;
      const request = requestOfReport(facts.reports.at(-1) ?? "");
      // It waits for its turn already: the store need not be asked with every hello.
      if (queue.isWaiting({ identity, model }, request)) continue;
      await queue.ask({ identity, model }, { request, actor: "coordinator" }, { signal });
    }
  }

  #hasJustSaidHello(identity: DeviceIdentity): boolean {
    const { clock, heartbeatSeconds } = this.#parts;
    const atMs = this.#helloAtMs.get(deviceKey(identity));
    return atMs !== undefined && clock.monotonicMs() - atMs < HELLO_AGAIN_HEARTBEATS * heartbeatSeconds() * SECOND_MS;
  }

  #lacksProfile(device: DeviceRecord | undefined): boolean {
    if (device === undefined || device.models.length === 0) return true;
    const { identity, models } = device;
    return models.some(({ name: model }) => this.#parts.profiles.facts({ identity, model }) === undefined);
  }

  #probes({ identity, models, inventory }: HelloRequest): HelloResponse["probes"] {
    const { profiles, priors, clock, probes } = this.#parts;
    const nowMs = clock.now();
    const states = models.map((model) => {
      const facts = profiles.facts({ identity, model: model.name });
      const { deviceClass } = inventory;
      return {
        model,
        suggested: priors.suggested({ tenant: identity.tenant, deviceClass, model: model.name }),
        ...(facts === undefined
          ? {}
          : {
              profile: {
                revision: facts.revision,
                ageMs: nowMs - facts.value.receivedAtMs,
                hasChain: facts.value.chain !== undefined,
              },
            }),
      };
    });
    return probeOrders(identity, states, probes);
  }

  async #requireDevice(identity: DeviceIdentity, signal: AbortSignal): Promise<void> {
    const { registry } = this.#parts;
    if ((registry.device(identity) ?? (await registry.load(identity, { signal }))) !== undefined) return;
    throw new MpoError("not-found", `device ${identity.device} is not known here`, {
      hint: "Say Hello first, then report again.",
    });
  }

  async #tellEnrolled(
    identity: DeviceIdentity,
    deviceClass: string,
    { requestId }: Omit<ApiCall, "signal">,
  ): Promise<void> {
    const message = `class ${deviceClass}`;
    this.#parts.logger.info("a device enrolled", { deviceId: identity.device, deviceClass, requestId });
    await this.#parts.audit.tell({ kind: "device-enrolled", identity, actor: `device ${identity.device}`, message });
  }
}

/** The request for the search after a report. */
export function requestOfReport(report: string): string {
  return `report ${report}`;
}

function desired(version: DocumentVersion | undefined): { readonly desiredVersion?: DocumentVersion } {
  return version === undefined ? {} : { desiredVersion: version };
}

function newest(left: DocumentVersion | undefined, right: DocumentVersion | undefined): DocumentVersion | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return compareVersions(left, right) >= 0 ? left : right;
}

function statusEvent({ status }: ReportStatusRequest): { readonly kind: string; readonly message: string } {
  if (status.kind === "document") {
    const { version, state, rung, message } = status.document;
    const inUse = rung === undefined ? "" : `, rung ${rung + 1}`;
    return { kind: `document-${state}`, message: `${version.epoch}.${version.version}${inUse} ${message}`.trim() };
  }
  if (status.kind === "probe") {
    const { model, failures, message } = status.probe;
    return { kind: "probe-failed", message: `${model}, ${failures} in a row: ${message}` };
  }
  const { window, outcome, message } = status.window;
  return { kind: `window-${outcome}`, message: `${window} ${message}`.trim() };
}
