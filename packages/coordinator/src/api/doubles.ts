import { given, MpoError, SECOND_MS } from "@mpo/core";
import type { DeviceIdentity, Instance } from "@mpo/protocol";
import type { Asking } from "../registry/device-life.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import { decided, inWords, isSame, SILENT_HEARTBEATS, type Sighting } from "../registry/instances.ts";
import type { PeerFacts } from "./device-identity.ts";
import type { FleetParts } from "./fleet-parts.ts";

interface DeviceCall extends PeerFacts {
  readonly signal: AbortSignal;
}

type Parts = Pick<FleetParts, "registry" | "audit" | "clock" | "logger" | "heartbeatSeconds">;

/** Notices when two machines speak for one device, and parks one of them until a person decides. */
export class Doubles {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Notes who calls. Returns the instance that is configured, in words, if it is another; undefined: it is this one. */
  async meet(
    { identity, instance }: { readonly identity: DeviceIdentity; readonly instance?: Instance | undefined },
    { peer, signal }: DeviceCall,
  ): Promise<string | undefined> {
    const { registry, clock, heartbeatSeconds } = this.#parts;
    if (instance === undefined) return undefined;
    const address = peer?.replace(/:\d+$/, "");
    const now: Sighting = { instance, lastSeenMs: clock.now(), ...given({ address }) };
    const silentMs = SILENT_HEARTBEATS * heartbeatSeconds() * SECOND_MS;
    const met = await registry.sight(identity, now, silentMs, { signal });
    if (met === undefined) return undefined;
    const { before, instances } = met;
    const { accepted, other, decidedAtMs } = instances;
    if (before?.doubledSinceMs === undefined && instances.doubledSinceMs !== undefined && other !== undefined) {
      await this.#logDoubled(identity, accepted, other);
    }
    if (isSame(accepted, now)) return undefined;
    return `${inWords(accepted)}${decidedAtMs === undefined ? "" : ", as a person has decided"}`;
  }

  /** Makes one of two the device, as a person asks; the other stays parked. Throws `precondition-failed`. */
  async decide(
    identity: DeviceIdentity,
    keep: string,
    { signal, actor, reason }: Asking,
  ): Promise<{ readonly kept: string; readonly parked: string }> {
    const { registry, audit, logger, clock } = this.#parts;
    await registry.required(identity, { signal });
    const change = (record: DeviceRecord): DeviceRecord => {
      return { ...record, instances: decided(record.instances, keep, clock.now()) };
    };
    const record = await registry.change(identity, change, { signal });
    const { instances } = record ?? {};
    if (instances?.other === undefined)
      throw new MpoError("conflict", `device ${identity.device} was removed meanwhile`);
    const [kept, parked] = [inWords(instances.accepted), inWords(instances.other)];
    logger.info("a person has decided which agent is the device", { deviceId: identity.device, kept, parked, actor });
    const words = `(${kept}) is the device, (${parked}) stays parked${reason === "" ? "" : `: ${reason}`}`;
    await audit.log({ kind: "device-decided", identity, actor, message: words });
    return { kept, parked };
  }

  /**
   * Notes who reports. A double's report is kept as an event, mixed with nothing: returns the instance that is configured
   * when it was. Throws when it may not be stored.
   */
  async keptApart(
    request: { readonly identity: DeviceIdentity; readonly instance?: Instance | undefined },
    call: DeviceCall,
    report: string,
  ): Promise<string | undefined> {
    const doubledBy = await this.meet(request, call);
    if (doubledBy === undefined) return undefined;
    const { identity, instance } = request;
    const actor = `device ${identity.device}, agent ${instance?.instanceId}`;
    await this.#parts.audit.write({ kind: "double-reported", identity, actor, message: report }, call);
    return doubledBy;
  }

  async #logDoubled(identity: DeviceIdentity, accepted: Sighting, other: Sighting): Promise<void> {
    const { audit, logger } = this.#parts;
    const pair = { accepted: inWords(accepted), other: inWords(other) };
    const message = `two agents run under this name: (${pair.accepted}) is configured, (${pair.other}) is parked`;
    logger.warn("two agents run under one name", { deviceId: identity.device, ...pair });
    await audit.log({ kind: "device-doubled", identity, actor: "coordinator", message });
  }
}
