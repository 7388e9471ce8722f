import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { MpoError, type Prediction, type Profile } from "@mpo/core";
import type { Clock } from "@mpo/io";
import {
  type DesiredDocument,
  desiredEnvelopeCodec,
  type EnrollRequest,
  type FetchAdaptationRequest,
  type HeartbeatResponse,
  type HelloRequest,
  type HelloResponse,
  notifySubject,
  type ProbeOrder,
  profileCodec,
  type ReportAdaptationRequest,
  type ReportProfileRequest,
  type ReportStatusRequest,
} from "@mpo/protocol";
import { MemoryNotifyHub } from "@mpo/transport/testing";
import type { ConnectFeed, FleetLink } from "../ports/fleet-link.ts";
import { envelopeOf, IDENTITY } from "./documents.ts";

/** A coordinator as one agent sees it, for tests of the agent: it keeps what it is told, and can be cut off. */
export class FakeFleet {
  readonly hub: MemoryNotifyHub;
  readonly enrolled: EnrollRequest[] = [];
  readonly hellos: HelloRequest[] = [];
  readonly profiles: ReportProfileRequest[] = [];
  readonly statuses: ReportStatusRequest[] = [];
  readonly names: Set<string> = new Set<string>();
  orders: readonly ProbeOrder[] = [];
  heartbeats = 0;
  /** Codes of what is wrong, as the newest heartbeat has them. */
  conditions: readonly string[] = [];
  duplicates = 0;
  isCutOff = false;
  /** It takes nothing of this device. */
  refuses = false;
  /** Calls that came while it was cut off. */
  missedCalls = 0;
  heartbeatSeconds = 30;
  /** How far its clock is ahead of the device's. */
  aheadMs = 0;
  /** The answer to a report is lost after it was stored. */
  losesAnswers = false;
  forgets = false;
  readonly adaptations: ReportAdaptationRequest[] = [];
  /** What another device has learned of a like drift. */
  nearest: { readonly adaptation: string; readonly device: string; readonly parameters: Uint8Array } | undefined;
  readonly asked: FetchAdaptationRequest[] = [];
  /** What another device has measured, and what this one would run by it. */
  shared: { readonly profile: Profile; readonly rung: Prediction; readonly partBytes?: number } | undefined;
  fetches = 0;
  /** Throws when the link breaks. */
  onFetch: (() => void) | undefined;
  needsStatus = false;
  /** Another machine has the device's name. */
  doubledBy: string | undefined;
  /** Starts of the agent that have called. */
  readonly instances: Set<string | undefined> = new Set<string | undefined>();
  /** Digests of the heartbeats. */
  readonly digests: (string | undefined)[] = [];
  #desired: DesiredDocument | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.hub = new MemoryNotifyHub({ clock });
  }

  /** Stores a document and pushes it; `quietly`: the push is lost. */
  push(document: DesiredDocument, quietly: boolean = false): void {
    this.#desired = document;
    if (!quietly && !this.isCutOff) this.hub.publish(notifySubject(IDENTITY), envelopeOf(document));
  }

  readonly link: FleetLink = {
    enroll: async (request) => {
      this.#requireReachable();
      this.enrolled.push(request);
      const { identity } = request;
      return { state: "accepted", identity, retryAfterSeconds: 0, serverTimeMs: this.#clock.now() };
    },
    hello: async (request): Promise<HelloResponse> => {
      this.#requireReachable();
      if (this.enrolled.length === 0) throw new MpoError("not-found", "no such device");
      this.hellos.push(request);
      if (this.doubledBy !== undefined) return this.#doubled(this.doubledBy);
      const desired = this.#desired;
      return {
        serverTimeMs: this.#clock.now() + this.aheadMs,
        ...(desired === undefined
          ? {}
          : { desiredVersion: desired.version, desired: desiredEnvelopeCodec.fromBytes(envelopeOf(desired)) }),
        probes: this.orders,
        heartbeatSeconds: this.heartbeatSeconds,
        natsServers: ["memory"],
        needsStatus: this.needsStatus,
      };
    },
    heartbeat: async ({ reportedDigest, instance, conditions }) => {
      this.#requireReachable();
      this.instances.add(instance?.instanceId);
      if (this.doubledBy !== undefined) return this.#doubled(this.doubledBy);
      this.digests.push(reportedDigest);
      this.heartbeats += 1;
      this.conditions = conditions.map(({ code }) => code);
      const version = this.#desired === undefined ? {} : { desiredVersion: this.#desired.version };
      const needsHello = this.forgets;
      this.forgets = false;
      return {
        serverTimeMs: this.#clock.now() + this.aheadMs,
        ...version,
        heartbeatSeconds: this.heartbeatSeconds,
        needsHello,
      };
    },
    reportProfile: async (request) => {
      this.#requireReachable();
      const isDuplicate = this.#store(request.report, () => this.profiles.push(request));
      return { isDuplicate, revision: this.profiles.length, needsChain: false };
    },
    fetchProfile: async ({ offset }) => {
      this.#requireReachable();
      if (this.shared === undefined) throw new MpoError("not-found", "nobody has measured it");
      this.fetches += 1;
      this.onFetch?.();
      const { profile, rung, partBytes = 40 } = this.shared;
      const whole = gzipSync(profileCodec.toBytes(profile));
      const digest = createHash("sha256").update(whole).digest("hex");
      const part = Uint8Array.from(whole.subarray(offset, offset + partBytes));
      return { digest, totalBytes: whole.length, part, ...(offset === 0 ? { rung } : {}) };
    },
    reportAdaptation: async (request) => {
      this.#requireReachable();
      return { isDuplicate: this.#store(request.report, () => this.adaptations.push(request)), isKept: true };
    },
    fetchAdaptation: async (request) => {
      this.#requireReachable();
      this.asked.push(request);
      this.onFetch?.();
      if (this.nearest === undefined) return {};
      const { parameters, ...named } = this.nearest;
      const digest = createHash("sha256").update(parameters).digest("hex");
      const part = parameters.subarray(request.offset, request.offset + 4);
      return { found: { ...named, digest, totalBytes: parameters.length, part } };
    },
    reportStatus: async (request) => {
      this.#requireReachable();
      return { isDuplicate: this.#store(request.report, () => this.statuses.push(request)) };
    },
  };

  readonly connectFeed: ConnectFeed = async () => {
    this.#requireReachable();
    const bus = this.hub.connect();
    return {
      bus,
      read: async () => {
        this.#requireReachable();
        return this.#desired === undefined ? undefined : envelopeOf(this.#desired);
      },
      close: () => bus.close(),
    };
  };

  #store(report: string, keep: () => void): boolean {
    const isDuplicate = this.names.has(report);
    if (isDuplicate) this.duplicates += 1;
    else keep();
    this.names.add(report);
    if (this.losesAnswers) throw new MpoError("timed-out", "the answer was lost");
    return isDuplicate;
  }

  #doubled(doubledBy: string): HelloResponse & HeartbeatResponse {
    const { heartbeatSeconds } = this;
    const nothing = { probes: [], natsServers: [], needsStatus: false, needsHello: false };
    return { serverTimeMs: this.#clock.now() + this.aheadMs, heartbeatSeconds, doubledBy, ...nothing };
  }

  #requireReachable(): void {
    if (this.refuses) throw new MpoError("invalid-argument", "labels is wrong");
    if (!this.isCutOff) return;
    this.missedCalls += 1;
    throw new MpoError("unavailable", "cut off");
  }
}
