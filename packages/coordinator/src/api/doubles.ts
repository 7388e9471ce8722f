import { given, SECOND_MS } from "@mpo/core";
import type { DeviceIdentity, Instance } from "@mpo/protocol";
import { inWords, isSame, SILENT_HEARTBEATS, type Sighting } from "../registry/instances.ts";
import type { PeerFacts } from "./device-identity.ts";
import type { FleetParts } from "./fleet-parts.ts";

interface DeviceCall extends PeerFacts {
  readonly signal: AbortSignal;
}

type Parts = Pick<FleetParts, "registry" | "audit" | "clock" | "logger" | "heartbeatSeconds">;

/** Notices when two machines speak for one device. */
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
    const { accepted, other } = instances;
    if (before?.doubledSinceMs === undefined && instances.doubledSinceMs !== undefined && other !== undefined) {
      await this.#logDoubled(identity, accepted, other);
    } else if (before?.doubledSinceMs !== undefined && instances.doubledSinceMs === undefined) {
      const message = `doubled: ${inWords(accepted)} is the only one again`;
      await this.#parts.audit.log({ kind: "condition-over", identity, actor: "coordinator", message });
    }
    return isSame(accepted, now) ? undefined : inWords(accepted);
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
    const message = `two agents run under this name: (${pair.accepted}) is configured, (${pair.other}) is kept apart`;
    logger.warn("two agents run under one name", { deviceId: identity.device, ...pair });
    await audit.log({ kind: "device-doubled", identity, actor: "coordinator", message });
  }
}
