import { createHash } from "node:crypto";
import type { RetrainConfig } from "@mpo/core";
import type { DeviceIdentity, ProbeOrder, ServedModel } from "@mpo/protocol";

/** What is known of one model of a device. */
export interface ModelState {
  readonly model: ServedModel;
  /** Revision and age of its profile; absent: it has none. */
  readonly profile?: { readonly revision: number; readonly ageMs: number; readonly hasChain: boolean };
  /** What the fleet would measure first on such a device; empty: nobody knows. */
  readonly suggested: readonly RetrainConfig[];
}

export interface ProbePolicy {
  /** A profile is measured again when it is older, milliseconds. Default 30 days. */
  readonly maxAgeMs: number;
  /** What a probe may cost, wall milliseconds. Default 5 minutes. */
  readonly maxProbeMs: number;
}

export const DEFAULT_PROBE_POLICY: ProbePolicy = { maxAgeMs: 30 * 86_400_000, maxProbeMs: 300_000 };

const MAX_ORDERS = 32;
const MAX_CONFIGS = 64;

/**
 * What a device is to measure: each model that it serves and has no profile of, or only an old one. The same state gives
 * the same orders with the same names, so that a device which asks twice probes once.
 */
export function probeOrders(
  identity: DeviceIdentity,
  models: readonly ModelState[],
  { maxAgeMs, maxProbeMs }: ProbePolicy,
): readonly ProbeOrder[] {
  return models
    .filter(({ profile }) => profile === undefined || profile.ageMs > maxAgeMs || !profile.hasChain)
    .slice(0, MAX_ORDERS)
    .map(({ model, profile, suggested }) => ({
      order: orderName(identity, model, profile?.revision ?? 0),
      model: model.name,
      manifestDigest: model.manifestDigest,
      configs: suggested.slice(0, MAX_CONFIGS),
      maxMs: maxProbeMs,
    }));
}

function orderName(
  { tenant, device }: DeviceIdentity,
  { name, manifestDigest }: ServedModel,
  revision: number,
): string {
  const hash = createHash("sha256").update(`${tenant}.${device}.${name}.${manifestDigest}.${revision}`).digest("hex");
  return `probe-${hash.slice(0, 24)}`;
}
