import type { RolloutSpec } from "@mpo/core";
import type { StoreCallOptions } from "@mpo/transport";
import type { Selection } from "../selection/selection.ts";
import { type FreshPart, planParts } from "./plan-parts.ts";
import { partedDevices } from "./plan-rollout.ts";
import { type LadderParts, resolveLadders } from "./resolve-ladders.ts";

export interface LateParts extends LadderParts {
  readonly selection: Pick<Selection, "select">;
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
  const { meant } = partedDevices(spec, parts.selection.select(tenant, spec.where));
  const fresh = meant.filter(({ identity }) => !isKnown(identity.device));
  if (fresh.length === 0) return [];
  const { resolved } = await resolveLadders(parts, spec, fresh, options);
  const placed = resolved
    .map((one) => ({ ...one, wave, before: parts.documents.newest(one.device.identity)?.version }))
    .sort((left, right) => (left.device.identity.device < right.device.identity.device ? -1 : 1));
  return planParts(placed, nowMs);
}
