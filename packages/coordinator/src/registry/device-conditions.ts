import { type Condition, type DeviceIdentity, type HeartbeatRequest, MAX_CONDITIONS } from "@mpo/protocol";
import type { ShortDocument } from "../documents/document-service.ts";
import type { Audit } from "../events/audit.ts";
import type { DeviceRecord } from "./device-record.ts";
import { doubledCondition } from "./instances.ts";
import { pendingCondition } from "./pending-document.ts";
import type { Registry } from "./registry.ts";
import type { StatusService } from "./status-service.ts";

/** Where it is looked up what a device should run, and what it has reported of it. */
export interface ReportSources {
  readonly documents: {
    newest(identity: DeviceIdentity): ShortDocument | undefined;
  };
  readonly statuses: Pick<StatusService, "newest">;
}

/** What stands when. */
interface Moment {
  readonly nowMs: number;
  readonly isOnline: boolean;
}

/**
 * What a person should look at: as the device has said it, and as it is known here, also while the device is away. All
 * that shows or counts conditions asks this.
 */
export function conditionsOf(
  sources: ReportSources & { readonly registry: Pick<Registry, "seen"> },
  { identity, instances }: Pick<DeviceRecord, "identity" | "instances">,
  moment: Moment,
): readonly Condition[] {
  const { appliedVersion, conditions = [] } = sources.registry.seen(identity) ?? {};
  return [
    ...doubledCondition(instances, moment.nowMs),
    ...pendingOf(sources, { identity, appliedVersion }, moment),
    // What its last heartbeat made of its documents is an event, and may not hold any more.
    ...conditions.filter(({ code }) => code !== "document-pending"),
  ].slice(0, MAX_CONDITIONS);
}

/** What is wrong with a device that has just said how it is: what is stored, so that each begins and ends as one event. */
export function heardConditions(
  sources: ReportSources,
  request: HeartbeatRequest,
  nowMs: number,
): readonly Condition[] {
  return [...pendingOf(sources, request, { nowMs, isOnline: true }), ...request.conditions].slice(0, MAX_CONDITIONS);
}

function pendingOf(
  { documents, statuses }: ReportSources,
  { identity, appliedVersion }: Pick<HeartbeatRequest, "identity" | "appliedVersion">,
  moment: Moment,
): readonly Condition[] {
  const said = { applied: appliedVersion, reported: statuses.newest(identity) };
  return pendingCondition(documents.newest(identity), said, moment);
}

/** Writes events for what has begun and what is over. */
export async function logConditions(
  audit: Audit,
  identity: DeviceIdentity,
  { before, conditions }: { readonly before: readonly Condition[]; readonly conditions: readonly Condition[] },
): Promise<void> {
  const log = async (kind: string, these: readonly Condition[], others: readonly Condition[]): Promise<void> => {
    for (const { code, sinceMs, message } of these) {
      if (others.some((other) => other.code === code && other.sinceMs === sinceMs)) continue;
      await audit.log({ kind, identity, actor: `device ${identity.device}`, message: `${code}: ${message}` });
    }
  };
  await log("condition-began", conditions, before);
  await log("condition-over", before, conditions);
}
