import { hasCode, type RolloutSpec } from "@mpo/core";
import type { Logger } from "@mpo/runtime";
import type { StoreCallOptions } from "@mpo/transport";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { Selection } from "../selection/selection.ts";
import { type FreshPart, planParts } from "./plan-parts.ts";
import { partedDevices } from "./plan-rollout.ts";
import { type LadderParts, resolveLadders } from "./resolve-ladders.ts";

export interface LateParts extends LadderParts {
  readonly selection: Pick<Selection, "select">;
  readonly logger: Logger;
}

/** Which devices come in addition. */
export interface LateWish {
  readonly tenant: string;
  readonly spec: RolloutSpec;
  /** Theirs. */
  readonly wave: number;
  readonly nowMs: number;
  readonly isKnown: (device: string) => boolean;
}

/** Devices that have come to be selected since, and can be changed, in parts of their own. */
export async function joinLate(
  parts: LateParts,
  { tenant, spec, wave, nowMs, isKnown }: LateWish,
  options: StoreCallOptions,
): Promise<readonly FreshPart[]> {
  let selected: readonly DeviceRecord[];
  try {
    selected = parts.selection.select(tenant, spec.where);
  } catch (thrown) {
    // A group that it names is gone. Who is part of the plan goes on all the same.
    if (!hasCode(thrown, "invalid-argument")) throw thrown;
    parts.logger.warn("devices that came later are not found", { rollout: spec.name, err: thrown });
    return [];
  }
  const { meant } = partedDevices(spec, selected);
  const fresh = meant.filter(({ identity }) => !isKnown(identity.device));
  if (fresh.length === 0) return [];
  const { resolved } = await resolveLadders(parts, spec, fresh, options);
  const placed = resolved
    .map((one) => ({ ...one, wave, before: parts.documents.newest(one.device.identity)?.version }))
    .sort((left, right) => (left.device.identity.device < right.device.identity.device ? -1 : 1));
  return planParts(placed, nowMs);
}
