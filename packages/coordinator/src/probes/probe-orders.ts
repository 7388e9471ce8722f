import { createHash } from "node:crypto";
import type { RetrainConfig } from "@mpo/core";
import type { DeviceIdentity, ProbeOrder, ServedModel } from "@mpo/protocol";

/** What is known of one model of a device. */
export interface ModelState {
  readonly model: ServedModel;
  /** Revision and age of its profile; absent: it has none. */
  readonly profile?: {
    readonly revision: number;
    readonly ageMs: number;
    readonly hasChain: boolean;
    readonly measuredAtMs: number;
  };
  /** When the profile was measured that the device could report again. */
  readonly reportedAtMs?: number | undefined;
  /** Since when a person wants it measured again. */
  readonly askedAtMs?: number | undefined;
  /** What the fleet would measure first on such a device; empty: not known. */
  readonly suggested: readonly RetrainConfig[];
  /** What to do instead of measuring it all; absent: measure. */
  readonly share?: Share | undefined;
}

/** Check another device's profile, or wait for the one that measures. */
export type Share = Pick<ProbeOrder, "sharedFrom" | "waitMs">;

export interface ProbePolicy {
  /** A profile is measured again when it is older, milliseconds. Default 30 days. */
  readonly maxAgeMs: number;
  /** What a probe may cost, wall milliseconds. Default 5 minutes. */
  readonly maxProbeMs: number;
  /** Whether one device of a class measures for all. Default true. */
  readonly isShared: boolean;
  /** How long a device waits at most for the one that measures. Default 30 minutes. */
  readonly shareWaitMs: number;
}

export const DEFAULT_PROBE_POLICY: ProbePolicy = {
  maxAgeMs: 30 * 86_400_000,
  maxProbeMs: 300_000,
  isShared: true,
  shareWaitMs: 1_800_000,
};

const MAX_ORDERS = 32;
const MAX_CONFIGS = 64;

export interface OrderFacts {
  readonly identity: DeviceIdentity;
  /** Distinguishes one store from another that counts its revisions from the start again. */
  readonly enrolledAtMs: number;
  /** A person wants all that the device has reported. */
  readonly refreshAskedAtMs?: number | undefined;
}

/**
 * What a device is to measure: each model that it serves and has no profile of, or only an old one; and what it is to
 * report again, because the coordinator holds another profile than it has reported, or was asked to. The same state gives
 * the same orders with the same names, so that a device which asks twice probes once.
 */
export function probeOrders(
  facts: OrderFacts,
  models: readonly ModelState[],
  { maxAgeMs, maxProbeMs }: Pick<ProbePolicy, "maxAgeMs" | "maxProbeMs">,
): readonly ProbeOrder[] {
  return models
    .flatMap((state) => {
      const { profile, reportedAtMs, askedAtMs } = state;
      const isFresh = askedAtMs !== undefined || (profile !== undefined && profile.ageMs > maxAgeMs);
      const isOther = reportedAtMs !== undefined && profile?.measuredAtMs !== reportedAtMs;
      const isWanted = facts.refreshAskedAtMs !== undefined && reportedAtMs !== undefined;
      const isLacking = profile === undefined || !profile.hasChain || isOther || isWanted;
      return isFresh || isLacking ? [{ ...state, isFresh }] : [];
    })
    .slice(0, MAX_ORDERS)
    .map((state) => ({
      order: orderName(facts, state),
      model: state.model.name,
      manifestDigest: state.model.manifestDigest,
      configs: state.suggested.slice(0, MAX_CONFIGS),
      maxMs: maxProbeMs,
      isFresh: state.isFresh,
      ...state.share,
    }));
}

function orderName(
  { identity: { tenant, device }, enrolledAtMs, refreshAskedAtMs }: OrderFacts,
  { model: { name, manifestDigest }, profile, reportedAtMs, askedAtMs }: ModelState,
): string {
  const state = [enrolledAtMs, profile?.revision, reportedAtMs, askedAtMs, refreshAskedAtMs].map((one) => one ?? 0);
  const hash = createHash("sha256")
    .update([tenant, device, name, manifestDigest, ...state].join("."))
    .digest("hex");
  return `probe-${hash.slice(0, 24)}`;
}
