import { type DeviceProgress, MpoError, type RolloutSpec } from "@mpo/core";
import { compareVersions } from "@mpo/protocol";
import type { DocumentService } from "../documents/document-service.ts";
import { isContinued, rolloutOf } from "../documents/requests.ts";
import type { ProfileService } from "../profiles/profile-service.ts";
import type { Registry } from "../registry/registry.ts";
import { decodeContent } from "./plan-parts.ts";
import type { PlannedDevice, PlanPart } from "./rollout-record.ts";

export interface ChangeSources {
  readonly registry: Pick<Registry, "device">;
  readonly profiles: Pick<ProfileService, "facts">;
  readonly documents: Pick<DocumentService, "newest">;
}

/** A part of a plan, with the devices as they were. */
export interface FrozenPart {
  readonly part: PlanPart;
  readonly progress: readonly DeviceProgress[];
}

const NAMED = 10;

/** Throws `precondition-failed` with the devices that are not any more what a plan was made for. */
export function requireUnchanged(
  sources: ChangeSources,
  tenant: string,
  { model, change }: RolloutSpec,
  parts: readonly FrozenPart[],
): void {
  const changed: string[] = [];
  for (const { part, progress } of parts) {
    // What a device serves does not matter where it is to serve something else.
    const digests = part.contents.map((content) =>
      change.version === undefined ? decodeContent(content).manifestDigest : undefined,
    );
    for (const [at, device] of progress.entries()) {
      const planned = part.devices[at] as PlannedDevice;
      const what = changeOf(sources, tenant, model, device, planned, digests[planned.content]);
      if (what !== undefined) changed.push(`${device.device}: ${what}`);
    }
  }
  if (changed.length === 0) return;
  const count = changed.length === 1 ? "1 device has" : `${changed.length} devices have`;
  const more = changed.length > NAMED ? `; and ${changed.length - NAMED} more` : "";
  throw new MpoError(
    "precondition-failed",
    `${count} changed since it was planned: ${changed.slice(0, NAMED).join("; ")}${more}`,
    { hint: "Plan it again: mpo rollout plan FILE." },
  );
}

function changeOf(
  { registry, profiles, documents }: ChangeSources,
  tenant: string,
  model: string,
  { device, before }: DeviceProgress,
  { measured, profileOf = device }: PlannedDevice,
  manifestDigest: string | undefined,
): string | undefined {
  const identity = { tenant, device };
  const record = registry.device(identity);
  if (record === undefined) return "it was removed";
  if (record.retiredAtMs !== undefined) return "it was retired";
  const served = record.models.find(({ name }) => name === model);
  if (served === undefined || (manifestDigest ?? served.manifestDigest) !== served.manifestDigest)
    return `it serves another ${model}`;
  const facts = profiles.facts({ identity: { tenant, device: profileOf }, model })?.value;
  if (measured !== undefined && facts?.measuredDigest !== measured.digest)
    return profileOf === device ? "it has measured again" : `${profileOf}, whose profile it takes, has measured again`;
  const newest = documents.newest(identity);
  if (newest === undefined) return before === undefined ? undefined : "its configuration is gone";
  if (before !== undefined && compareVersions(newest.version, before) === 0) return undefined;
  if (isContinued(newest.request)) return undefined;
  const other = rolloutOf(newest.request);
  return other === undefined ? "its configuration was changed" : `rollout ${other} has changed it`;
}
