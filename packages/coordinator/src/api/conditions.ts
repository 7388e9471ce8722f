import { type Condition, type DeviceIdentity, type HeartbeatRequest, MAX_CONDITIONS } from "@mpo/protocol";
import type { Audit } from "../events/audit.ts";
import { pendingCondition } from "../registry/pending-document.ts";
import type { FleetParts } from "./fleet-parts.ts";

/** What is wrong with a device, as it says in a heartbeat and as is known here. */
export function standing(
  { documents, statuses, clock }: Pick<FleetParts, "documents" | "statuses" | "clock">,
  { identity, conditions, appliedVersion }: HeartbeatRequest,
): readonly Condition[] {
  const said = { applied: appliedVersion, told: statuses.newest(identity) };
  return [...pendingCondition(documents.newest(identity), said, clock.now()), ...conditions].slice(0, MAX_CONDITIONS);
}

/** Writes events for what has begun and what is over. */
export async function tellConditions(
  audit: Audit,
  identity: DeviceIdentity,
  { before, conditions }: { readonly before: readonly Condition[]; readonly conditions: readonly Condition[] },
): Promise<void> {
  const tell = async (kind: string, these: readonly Condition[], others: readonly Condition[]): Promise<void> => {
    for (const { code, sinceMs, message } of these) {
      if (others.some((other) => other.code === code && other.sinceMs === sinceMs)) continue;
      await audit.tell({ kind, identity, actor: `device ${identity.device}`, message: `${code}: ${message}` });
    }
  };
  await tell("condition-began", conditions, before);
  await tell("condition-over", before, conditions);
}
