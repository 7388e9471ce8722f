import type { DeviceFacts, DeviceProgress, Outcome, RolloutFacts, RolloutSpec } from "@mpo/core";
import { compareVersions, type DeviceIdentity, type DocumentVersion } from "@mpo/protocol";
import type { DocumentService, NewestDocument } from "../documents/document-service.ts";
import { isContinued, isOfPlan, rolloutOf } from "../documents/requests.ts";
import type { Registry } from "../registry/registry.ts";
import type { StatusService } from "../registry/status-service.ts";
import { type Fleet, groupOf } from "./fleet-groups.ts";
import { minuteOfDay } from "./time-zones.ts";

export interface FactSources {
  readonly registry: Pick<Registry, "device">;
  readonly documents: Pick<DocumentService, "newest">;
  readonly statuses: Pick<StatusService, "of" | "windows">;
  readonly fleet: Fleet;
}

/** Of which rollout facts are asked. */
export interface Subject {
  readonly tenant: string;
  readonly spec: RolloutSpec;
  readonly plan: string;
  readonly nowMs: number;
  /** The same object for the same device: its key is found once. */
  identity(device: string): DeviceIdentity;
  progress(device: string): DeviceProgress | undefined;
  /** Why a device's change could not be made, in words; undefined: it could, or was not tried. */
  trouble(device: string): string | undefined;
}

/** What is known of a rollout's devices now. Each is looked up once. */
export function rolloutFacts(sources: FactSources, subject: Subject): RolloutFacts {
  const known = new Map<string, DeviceFacts>();
  let groups: ReturnType<RolloutFacts["groups"]> | undefined;
  const { tenant, spec, nowMs } = subject;
  return {
    nowMs,
    of: (device) => {
      const found = known.get(device) ?? deviceFacts(sources, subject, device);
      known.set(device, found);
      return found;
    },
    groups: () => {
      groups ??= spec.disruption === undefined ? new Map() : sources.fleet.groups(tenant, spec.disruption);
      return groups;
    },
  };
}

function deviceFacts(sources: FactSources, subject: Subject, device: string): DeviceFacts {
  const { spec, nowMs } = subject;
  const { fleet, registry } = sources;
  const identity = subject.identity(device);
  const record = registry.device(identity);
  if (record === undefined || record.retiredAtMs !== undefined) {
    const what = record === undefined ? "removed from the fleet" : "retired";
    const gone = { isOnline: false, servesWell: false, group: "", minuteOfDay: undefined };
    return { ...gone, outcome: "superseded", message: `it was ${what}` };
  }
  const { hours, disruption } = spec;
  const zone = hours?.zone === "device" ? record.inventory.timeZone : hours?.zone;
  const shown = outcomeOf(sources, subject, identity);
  const isOpen = shown.outcome === undefined || shown.outcome === "applied";
  return {
    isOnline: fleet.isOnline(record),
    // Where nothing is counted by it, nobody asks.
    servesWell: disruption === undefined || fleet.servesWell(record),
    group: groupOf(disruption, record),
    minuteOfDay: minuteOfDay(zone, nowMs),
    ...shown,
    ...(isOpen ? { message: fleet.troubleOf(record) } : {}),
  };
}

type Shown = Pick<DeviceFacts, "outcome" | "message">;

function outcomeOf(sources: FactSources, subject: Subject, identity: DeviceIdentity): Shown {
  const progress = subject.progress(identity.device);
  if (progress === undefined) return {};
  if (progress.given === undefined) {
    const trouble = subject.trouble(identity.device);
    return trouble === undefined ? {} : { outcome: "failed", message: trouble };
  }
  const newest = sources.documents.newest(identity);
  const other = changedBy(newest, progress.given, subject.plan);
  if (other !== undefined) return { outcome: "superseded", message: other };
  return shownOf(sources, subject, identity, versionsOf(progress.given, newest));
}

/** Who else has changed a device since it was given a version, in words; undefined: nobody. */
export function changedBy(
  newest: NewestDocument | undefined,
  given: DocumentVersion,
  plan: string,
): string | undefined {
  if (newest === undefined) return undefined;
  const { version, request } = newest;
  if (compareVersions(version, given) <= 0 || isOfPlan(request, plan) || isContinued(request)) return undefined;
  const other = rolloutOf(request);
  return other === undefined ? "somebody has changed it since" : `rollout ${other} has changed it since`;
}

/** The version that a device was given, and the one that continues it. */
function versionsOf(given: DocumentVersion, newest: NewestDocument | undefined): readonly DocumentVersion[] {
  const isNewer = newest !== undefined && compareVersions(newest.version, given) > 0;
  return isNewer && isContinued(newest.request) ? [newest.version, given] : [given];
}

/** How far a device has come with the newest of some versions that it has said anything of. */
function shownOf(
  { statuses }: FactSources,
  { spec }: Subject,
  identity: DeviceIdentity,
  versions: readonly DocumentVersion[],
): Shown {
  for (const version of versions) {
    const status = statuses.of(identity, version);
    if (status === undefined || status.state === "accepted") continue;
    const { state, message } = status;
    if (state !== "confirmed") return { outcome: state, message };
    const hasWindow = statuses
      .windows(identity)
      .some(({ document, outcome }) => isSame(document, version) && (outcome === "replaced" || outcome === "kept-old"));
    // Without a check only a window confirms a document.
    const outcome: Outcome = spec.confirm === "checked" && !hasWindow ? "checked" : "window";
    return { outcome, message };
  }
  return {};
}

function isSame(left: DocumentVersion | undefined, right: DocumentVersion): boolean {
  return left !== undefined && compareVersions(left, right) === 0;
}
