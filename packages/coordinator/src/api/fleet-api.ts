import { given, MpoError, SECOND_MS } from "@mpo/core";
import {
  type DeviceIdentity,
  deviceKey,
  FLEET_SERVICE,
  type FleetServiceMethods,
  type HeartbeatRequest,
  type HelloRequest,
  type HelloResponse,
  PROTOCOL,
  type RequestOf,
  type ResponseOf,
  requireProtocol,
} from "@mpo/protocol";
import { requestOfReport } from "../documents/requests.ts";
import { ReportParts } from "../profiles/report-parts.ts";
import { heardConditions, logConditions } from "../registry/device-conditions.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { ApiCall } from "./api-call.ts";
import { deviceIdentityOf } from "./device-identity.ts";
import { Doubles } from "./doubles.ts";
import { Enrolling } from "./enrolling.ts";
import type { FleetParts } from "./fleet-parts.ts";
import { askForMissing, heldDigest, newsFor, outstandingProbe, probesFor } from "./hello-answer.ts";
import { OlderStore } from "./older-store.ts";
import { statusEvent } from "./status-event.ts";

type Ask<Call extends keyof FleetServiceMethods> = RequestOf<FleetServiceMethods[Call]>;
type Answer<Call extends keyof FleetServiceMethods> = ResponseOf<FleetServiceMethods[Call]>;

/** A device whose profile is missing is asked to say hello again after so many heartbeats: it may be measuring. */
const HELLO_AGAIN_HEARTBEATS = 5;
/** A device whose reports differ from what is held here: what it was asked for may still be on its way. */
const COMPARE_AGAIN_HEARTBEATS = 1.5;

const KEPT_APART = { isDuplicate: false, revision: 1, needsChain: false } as const;

/** What agents ask of a coordinator. Every call is safe to repeat; what is acknowledged is stored. */
export class FleetApi {
  readonly #parts: FleetParts;
  /** When each device last said hello here, by the clock's monotonic time and by the time of day. */
  readonly #helloAt = new Map<
    string,
    { readonly monotonicMs: number; readonly ms: number; readonly instanceId: string | undefined }
  >();

  readonly #doubles: Doubles;
  readonly #enrolling: Enrolling;
  readonly #olderStore: OlderStore;
  readonly #reportParts: ReportParts<Ask<"reportProfile">>;

  constructor(parts: FleetParts) {
    this.#doubles = new Doubles(parts);
    this.#enrolling = new Enrolling(parts, this.#doubles);
    this.#reportParts = new ReportParts(parts.clock, FLEET_SERVICE.reportProfile);
    this.#olderStore = new OlderStore({ ...parts, authority: parts.identities?.authority });
    this.#parts = parts;
  }

  enroll(request: Ask<"enroll">, call: ApiCall): Promise<Answer<"enroll">> {
    return this.#enrolling.enroll(request, call);
  }

  async hello(request: HelloRequest, { signal, ...facts }: ApiCall): Promise<HelloResponse> {
    const { registry, clock, heartbeatSeconds, natsServers } = this.#parts;
    const identity = deviceIdentityOf(request.identity, facts);
    requireProtocol(request.protocol);
    const { resources, appliedVersion, doing, instance } = request;
    const always = { serverTimeMs: clock.now(), heartbeatSeconds: heartbeatSeconds(), protocol: PROTOCOL };
    const doubledBy = await this.#doubles.meet(request, { ...facts, signal });
    if (doubledBy !== undefined) return { ...always, doubledBy, probes: [], natsServers: [], needsStatus: false };
    const said = { monotonicMs: clock.monotonicMs(), ms: clock.now(), instanceId: instance?.instanceId };
    this.#helloAt.set(deviceKey(identity), said);
    const { before, record } = await this.#enrolling.introduceLabelled(request, { signal });
    await this.#enrolling.logArrival(identity, before, request.inventory.deviceClass, facts);
    await registry.saw(identity, { resources, ...given({ appliedVersion, doing }) }, { signal });
    const needs = await this.#olderStore.met(identity, request, signal);
    await askForMissing(this.#parts, request, signal);
    const probes = probesFor(this.#parts, request, record);
    const isRefreshed = record.refreshAskedAtMs !== undefined;
    const needsStatus =
      appliedVersion !== undefined && (isRefreshed || !this.#parts.statuses.hasReported(identity, appliedVersion));
    await this.#logAskedAgain(request, probes);
    if (isRefreshed) {
      await registry.change(identity, ({ refreshAskedAtMs: _, ...rest }) => rest, { signal });
    }
    const news = await newsFor(this.#parts.documents, identity, appliedVersion, signal);
    return {
      ...always,
      desiredVersion: news?.document.version ?? this.#parts.documents.version(identity),
      desired: news?.envelope,
      probes,
      natsServers,
      needsStatus,
      ...needs,
      ...this.#trustNews(request),
    };
  }

  async heartbeat(request: HeartbeatRequest, { signal, ...facts }: ApiCall): Promise<Answer<"heartbeat">> {
    const { registry, documents, sharing, clock, heartbeatSeconds } = this.#parts;
    const identity = deviceIdentityOf(request.identity, facts);
    const always = { serverTimeMs: clock.now(), heartbeatSeconds: heartbeatSeconds() };
    const doubledBy = await this.#doubles.meet(request, { ...facts, signal });
    if (doubledBy !== undefined) return { ...always, doubledBy, needsHello: false };
    const device = registry.device(identity);
    if (device !== undefined) {
      const before = registry.seen(identity)?.conditions ?? [];
      const conditions = heardConditions(this.#parts, request, clock.now());
      await registry.saw(identity, { ...request, conditions }, { signal });
      await logConditions(this.#parts.audit, identity, { before, conditions });
      await this.#olderStore.heard(identity, request.appliedVersion, signal);
    }
    const isBehind =
      this.#olderStore.isBehind(identity, request.appliedVersion) &&
      !this.#hasJustSaidHello(identity, COMPARE_AGAIN_HEARTBEATS);
    const version = documents.version(identity);
    // Also when what it once reported is gone (a store that was put back): the answer to a hello asks for it again.
    const isForgotten =
      version === undefined &&
      (request.appliedVersion !== undefined || this.#lacksProfile(device)) &&
      !this.#hasJustSaidHello(identity, HELLO_AGAIN_HEARTBEATS);
    const needsHello =
      device === undefined ||
      device.retiredAtMs !== undefined ||
      isForgotten ||
      isBehind ||
      sharing.hasNews(identity) ||
      this.#hasOtherSaidHello(request) ||
      this.#isAsked(device) ||
      this.#holdsOther(device, request);
    return { ...always, desiredVersion: version, needsHello };
  }

  async reportProfile(request: Ask<"reportProfile">, call: ApiCall): Promise<Answer<"reportProfile">> {
    const identity = deviceIdentityOf(request.identity, call);
    await this.#requireDevice(identity, call.signal);
    // If it takes over, its hello names the profile, and it is asked for again.
    const words = `profile of ${request.profile.model.name}`;
    const doubledBy = await this.#doubles.keptApart(request, call, words);
    if (doubledBy !== undefined) return { ...KEPT_APART, doubledBy };
    return await this.#storeProfile(identity, request, call);
  }

  async #storeProfile(
    identity: DeviceIdentity,
    request: Ask<"reportProfile">,
    { signal, requestId, traceparent }: ApiCall,
  ): Promise<Answer<"reportProfile">> {
    const { registry, profiles, queue, audit, logger, onReport } = this.#parts;
    await registry.heardOf(identity, { signal });
    const { header, revision, isDuplicate } = await profiles.store(request, { signal });
    const isNewest = header.reports.at(-1) === request.report;
    const needsChain = isNewest && header.chain === undefined;
    // Also for a repeated one: who asked for the search may have ended between the two writes.
    if (isNewest && !needsChain) {
      const name = { identity, model: request.profile.model.name };
      const asked = {
        request: requestOfReport(request.report),
        actor: `device ${identity.device}`,
        ...given({ traceparent }),
      };
      await queue.ask(name, asked, { signal });
    }
    onReport?.({ isDuplicate });
    if (!isDuplicate) {
      const model = request.profile.model.name;
      logger.info("a profile is stored", { deviceId: identity.device, model, report: request.report, requestId });
      await audit.log({
        kind: "profile-stored",
        identity,
        actor: `device ${identity.device}`,
        message: `report ${request.report}: ${request.profile.model.name}, ${measuredWords(request.profile)}`,
      });
    }
    return { isDuplicate, revision, needsChain };
  }

  /** Keeps a part of a profile's report; the last one makes it whole. */
  async reportProfilePart(request: Ask<"reportProfilePart">, call: ApiCall): Promise<Answer<"reportProfilePart">> {
    const identity = deviceIdentityOf(request.identity, call);
    await this.#requireDevice(identity, call.signal);
    const doubledBy = await this.#doubles.keptApart(request, call, "a profile, in parts");
    if (doubledBy !== undefined) return { arrivedBytes: 0, answer: { ...KEPT_APART, doubledBy } };
    await this.#parts.ownTurn?.();
    const { arrivedBytes, report } = this.#reportParts.take(request);
    if (report !== undefined) return { arrivedBytes, answer: await this.#storeProfile(identity, report, call) };
    await this.#parts.registry.heardOf(identity, call);
    return { arrivedBytes };
  }

  /** Sends a device what another one measured, in parts, and what it would run by it. */
  async fetchProfile(request: Ask<"fetchProfile">, call: ApiCall): Promise<Answer<"fetchProfile">> {
    const identity = deviceIdentityOf(request.identity, call);
    await this.#requireDevice(identity, call.signal);
    return await this.#parts.sharing.fetch({ ...request, identity }, call.signal);
  }

  async reportStatus(request: Ask<"reportStatus">, { signal, ...facts }: ApiCall): Promise<Answer<"reportStatus">> {
    const { statuses, audit, documents, logger, onReport, onStarted } = this.#parts;
    const identity = deviceIdentityOf(request.identity, facts);
    await this.#requireDevice(identity, signal);
    const event = statusEvent(request);
    const words = `${event.kind}: ${event.message}`;
    if (await this.#doubles.keptApart(request, { ...facts, signal }, words)) return { isDuplicate: false };
    await this.#parts.registry.heardOf(identity, { signal });
    const { isDuplicate } = await statuses.store(request, { signal });
    const { status } = request;
    // A refused document may never have been the device's own: its version says nothing.
    if (status.kind === "document" && status.document.state !== "refused") {
      await this.#olderStore.heard(identity, status.document.version, signal);
    }
    if (status.kind === "window" && status.window.start) await onStarted?.(identity, status.window, { signal });
    onReport?.({ isDuplicate, status });
    if (!isDuplicate) {
      logger.info("a device has reported", { deviceId: identity.device, ...event, requestId: facts.requestId });
      await audit.log({ identity, actor: `device ${identity.device}`, ...event });
    }
    return { isDuplicate, desiredVersion: documents.version(identity) };
  }

  /** Whether a device is to fetch what the fleet trusts by now. */
  #trustNews({ trustDigest }: HelloRequest): Pick<HelloResponse, "needsEnrolment"> {
    const { identities } = this.#parts;
    return identities === undefined || identities.authority.trust.digest === trustDigest
      ? {}
      : { needsEnrolment: true };
  }

  #hasJustSaidHello(identity: DeviceIdentity, heartbeats: number): boolean {
    const { clock, heartbeatSeconds } = this.#parts;
    const atMs = this.#helloAt.get(deviceKey(identity))?.monotonicMs;
    return atMs !== undefined && clock.monotonicMs() - atMs < heartbeats * heartbeatSeconds() * SECOND_MS;
  }

  /** What is held is of another instance: it had this name for a while. */
  #hasOtherSaidHello({ identity, instance }: HeartbeatRequest): boolean {
    const said = this.#helloAt.get(deviceKey(identity));
    return said !== undefined && said.instanceId !== instance?.instanceId;
  }

  /** Whether a person has asked something of a device since it last said hello here. */
  #isAsked(device: DeviceRecord): boolean {
    const { identity, models, refreshAskedAtMs } = device;
    const helloAtMs = this.#helloAt.get(deviceKey(identity))?.ms ?? 0;
    const isProbeAsked = models.some(({ name: model }) => {
      const receivedAtMs = this.#parts.profiles.facts({ identity, model })?.value.receivedAtMs;
      return (outstandingProbe(device, model, receivedAtMs) ?? 0) > helloAtMs;
    });
    return refreshAskedAtMs !== undefined || isProbeAsked;
  }

  /** Whether a device has reported something else than what is held here, whatever was lost. */
  #holdsOther(device: DeviceRecord, { identity, reportedDigest, appliedVersion }: HeartbeatRequest): boolean {
    if (reportedDigest === undefined || reportedDigest === heldDigest(this.#parts, device, appliedVersion))
      return false;
    return !this.#hasJustSaidHello(identity, COMPARE_AGAIN_HEARTBEATS);
  }

  /** A store was replaced or put back, or a person asked: what comes now is no new measurement. */
  async #logAskedAgain({ identity, profiles }: HelloRequest, probes: HelloResponse["probes"]): Promise<void> {
    const models = probes
      .filter(({ isFresh, model }) => !isFresh && profiles.some((reported) => reported.model === model))
      .map(({ model }) => model);
    if (models.length === 0) return;
    const message = `the profile of ${models.join(", ")} is to be reported again`;
    this.#parts.logger.info("a device is asked again", { deviceId: identity.device, models });
    await this.#parts.audit.log({ kind: "device-asked-again", identity, actor: "coordinator", message });
  }

  #lacksProfile(device: DeviceRecord | undefined): boolean {
    if (device === undefined || device.models.length === 0) return true;
    const { identity, models } = device;
    return models.some(({ name: model }) => this.#parts.profiles.facts({ identity, model }) === undefined);
  }

  async #requireDevice(identity: DeviceIdentity, signal: AbortSignal): Promise<void> {
    const { registry } = this.#parts;
    if ((registry.device(identity) ?? (await registry.load(identity, { signal }))) !== undefined) return;
    throw new MpoError("not-found", `device ${identity.device} is not known here`, {
      hint: "Say Hello first, then report again.",
    });
  }
}

function measuredWords({ steps, sharedFrom }: Ask<"reportProfile">["profile"]): string {
  return sharedFrom === undefined ? `${steps.length} steps measured` : `taken from ${sharedFrom} after a check`;
}
