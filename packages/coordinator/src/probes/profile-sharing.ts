import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { chooseRung, formatBytes, MpoError, withoutCurves } from "@mpo/core";
import type { Clock } from "@mpo/io";
import {
  type DeviceIdentity,
  deviceKey,
  type FetchProfileRequest,
  type FetchProfileResponse,
  LIMITS,
  profileCodec,
  type ServedModel,
} from "@mpo/protocol";
import { type ProfileName, type ProfileService, profileKey } from "../profiles/profile-service.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { Registry } from "../registry/registry.ts";
import { Recent } from "../search/recent.ts";
import type { SearchService } from "../search/search-service.ts";
import type { ProbePolicy, Share } from "./probe-orders.ts";

interface SharingParts {
  readonly registry: Registry;
  readonly profiles: ProfileService;
  readonly searches: SearchService;
  readonly clock: Clock;
  readonly policy: ProbePolicy;
}

/** A device that measures for its class, and how long the others leave it to it. */
interface Lead {
  readonly device: string;
  readonly untilMs: number;
}

/** As much of a device as decides with whom it shares. */
type Sharer = Pick<DeviceRecord, "identity" | "inventory" | "methods">;

/** A profile as it travels. */
interface Packed {
  readonly bytes: Uint8Array;
  readonly digest: string;
}

/** Devices that may try to measure for their class, one after the other, while the others wait. */
const LEADS = 3;

/**
 * One device of a class measures a model whole; the others check its profile by a few steps of what they would run by it.
 * Who measures is remembered by each coordinator for itself: of several, each may have one.
 */
export class ProfileSharing {
  readonly #parts: SharingParts;
  /** By class of devices and model. */
  readonly #leads = new Map<string, Lead>();
  /** Devices that wait for the one that measures, by key. */
  readonly #waiting = new Map<string, { readonly device: Sharer; readonly model: ServedModel }>();
  readonly #packed = new Recent<Packed>(16);

  constructor(parts: SharingParts) {
    this.#parts = parts;
  }

  /** What a device without a profile of a model does instead of measuring it all; undefined: it measures. */
  shareFor(device: Sharer, model: ServedModel): Share | undefined {
    const { policy, clock } = this.#parts;
    if (!policy.isShared) return undefined;
    const { identity, inventory, methods } = device;
    const { deviceClass, engineVersion } = inventory;
    const means = [identity.tenant, deviceClass, engineVersion, methods?.toSorted()];
    const alike = JSON.stringify([...means, model.name, model.manifestDigest]);
    const sharedFrom = this.#sourceFor(device, model);
    if (sharedFrom !== undefined) {
      this.#leads.delete(alike);
      return { sharedFrom };
    }
    const nowMs = clock.monotonicMs();
    const lead = this.#leads.get(alike);
    if (lead !== undefined && lead.untilMs > nowMs) {
      if (lead.device === identity.device) return undefined;
      this.#waiting.set(deviceKey(identity), { device, model });
      return { waitMs: policy.shareWaitMs };
    }
    this.#leads.set(alike, { device: identity.device, untilMs: nowMs + policy.shareWaitMs / LEADS });
    return undefined;
  }

  /** Whether what a device waits for is there: said once. */
  hasNews(identity: DeviceIdentity): boolean {
    const key = deviceKey(identity);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined || this.#sourceFor(waiting.device, waiting.model) === undefined) return false;
    return this.#waiting.delete(key);
  }

  /** A device that serves the same model, adapts it in the same ways by the same engine, and has measured it not too long ago. */
  #sourceFor({ identity, inventory, methods }: Sharer, model: ServedModel): string | undefined {
    const { tenant, device } = identity;
    const { deviceClass, engineVersion } = inventory;
    const { registry, profiles, policy, clock } = this.#parts;
    for (const { name, value } of profiles.measuredOn(tenant, deviceClass, model.name)) {
      const other = registry.device(name.identity);
      const servesIt = other?.models.some(
        (one) => one.name === model.name && one.manifestDigest === model.manifestDigest,
      );
      const isFresh = clock.now() - value.receivedAtMs < policy.maxAgeMs && value.chain !== undefined;
      const isAlike =
        servesIt === true && isSame(other?.methods, methods) && other?.inventory.engineVersion === engineVersion;
      if (isAlike && isFresh && name.identity.device !== device) return name.identity.device;
    }
    return undefined;
  }

  /** A part of a profile; with the first, what the asking device would run by it. Throws as `SearchService.plan`. */
  async fetch(request: FetchProfileRequest, signal: AbortSignal): Promise<FetchProfileResponse> {
    const { identity, model, sharedFrom, memoryBytes, offset } = request;
    const source = { identity: { ...identity, device: sharedFrom }, model };
    const { bytes, digest } = await this.#pack(source, signal);
    if (offset >= bytes.length) {
      throw new MpoError("invalid-argument", `the profile has ${bytes.length} bytes; the part begins at ${offset}`);
    }
    const part = bytes.slice(offset, offset + LIMITS.partBytes);
    const answer = { digest, totalBytes: bytes.length, part };
    if (offset > 0) return answer;
    const { registry, searches } = this.#parts;
    const device = await registry.required(identity, { signal });
    const { content } = await searches.plan(device, { model, profileOf: source.identity }, undefined, { signal });
    const index = chooseRung({ ...content, memoryBytes, infeasible: {} });
    if (index === undefined)
      throw new MpoError("over-budget", `by the profile of ${sharedFrom} nothing fits ${formatBytes(memoryBytes)}`);
    return { ...answer, rung: content.rungs[index] };
  }

  /** Its learning curves are of the other device's inputs, and stay here. */
  async #pack(source: ProfileName, signal: AbortSignal): Promise<Packed> {
    const { profiles } = this.#parts;
    const key = `${profileKey(source)} ${profiles.facts(source)?.revision}`;
    const known = this.#packed.get(key);
    if (known !== undefined) return known;
    const found = await profiles.load(source, { signal });
    if (found === undefined) {
      const { identity, model } = source;
      throw new MpoError("not-found", `device ${identity.device} has no profile of ${model} any more`);
    }
    const bytes = gzipSync(profileCodec.toBytes(withoutCurves(found.request.profile)));
    const packed = { bytes, digest: createHash("sha256").update(bytes).digest("hex") };
    this.#packed.set(key, packed);
    return packed;
  }
}

/** Whether two devices may run the same methods, or neither says. */
function isSame(left: Sharer["methods"], right: Sharer["methods"]): boolean {
  return left?.toSorted().join() === right?.toSorted().join();
}
