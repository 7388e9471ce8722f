import { hasCode, type RolloutSpec } from "@mpo/core";
import type { Logger } from "@mpo/runtime";
import type { StoreCallOptions } from "@mpo/transport";
import type { Audit } from "../events/audit.ts";
import { askToProbe } from "../registry/ask-device.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { Registry } from "../registry/registry.ts";
import type { Selection } from "../selection/selection.ts";
import { freeDevices } from "./other-rollouts.ts";
import { type FreshPart, planParts } from "./plan-parts.ts";
import { partedDevices } from "./plan-rollout.ts";
import { type LadderParts, resolveLadders } from "./resolve-ladders.ts";
import type { RolloutStore } from "./rollout-store.ts";

export interface LateParts extends LadderParts {
  readonly registry: Pick<Registry, "device" | "change">;
  readonly selection: Pick<Selection, "select">;
  readonly store: RolloutStore;
  readonly audit: Pick<Audit, "log">;
  readonly logger: Logger;
}

/** Which devices come in addition. */
export interface LateWish {
  readonly tenant: string;
  readonly spec: RolloutSpec;
  /** Theirs. */
  readonly wave: number;
  readonly nowMs: number;
  /** When the rollout was started. */
  readonly startedAtMs: number;
  readonly isKnown: (device: string) => boolean;
}

/**
 * Devices that have come to be selected since, and can be changed, in parts of their own. Those whose profile is too old
 * are asked, once, to measure again. Another rollout's are left to it.
 */
export async function joinLate(
  parts: LateParts,
  { tenant, spec, wave, nowMs, startedAtMs, isKnown }: LateWish,
  options: StoreCallOptions,
): Promise<readonly FreshPart[]> {
  const selectedBy = (one: RolloutSpec) => selected(parts, tenant, one);
  const unknown = selectedBy(spec).filter(({ identity }) => !isKnown(identity.device));
  if (unknown.length === 0) return [];
  const { resolved, leftOut } = await resolveLadders(parts, spec, unknown, options);
  const aged = leftOut.filter(({ cause }) => cause === "old-profile").map(({ device }) => device);
  const among = new Set([...resolved.map(({ device }) => device.identity.device), ...aged]);
  if (among.size === 0) return [];
  const name = { tenant, name: spec.name };
  const free = await freeDevices(parts.store, { name, among, startedAtMs }, selectedBy, options);
  for (const device of aged) {
    const record = free.has(device) ? parts.registry.device({ tenant, device }) : undefined;
    const asked = record?.probesAsked?.find(({ model }) => model === spec.model);
    if (record === undefined || (asked?.askedAtMs ?? 0) >= startedAtMs) continue;
    await askToProbe(parts, record, { model: spec.model, actor: "coordinator" }, options);
  }
  const placed = resolved
    .filter(({ device }) => free.has(device.identity.device))
    .map((one) => ({ ...one, wave, before: parts.documents.newest(one.device.identity)?.version }))
    .sort((left, right) => (left.device.identity.device < right.device.identity.device ? -1 : 1));
  return planParts(placed, nowMs);
}

/** The devices that a rollout means now. */
function selected({ selection, logger }: LateParts, tenant: string, spec: RolloutSpec): readonly DeviceRecord[] {
  try {
    return partedDevices(spec, selection.select(tenant, spec.where)).meant;
  } catch (thrown) {
    // A group that it names is gone. Who is part of the plan goes on all the same.
    if (!hasCode(thrown, "invalid-argument")) throw thrown;
    logger.warn("devices that came later are not found", { rollout: spec.name, err: thrown });
    return [];
  }
}
