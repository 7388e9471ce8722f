import {
  compareVersions,
  type DeviceIdentity,
  type DocumentVersion,
  type HelloRequest,
  type HelloResponse,
  reportedDigest,
} from "@mpo/protocol";
import type { CurrentDocument, DocumentService } from "../documents/document-service.ts";
import { requestOfReport } from "../documents/requests.ts";
import { probeOrders } from "../probes/probe-orders.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { FleetParts } from "./fleet-parts.ts";

/**
 * A device's document, if it does not run by it already. Where the index has nothing new the store is not asked: a fleet
 * that comes back says hello all at once, and what was pushed in this moment comes to the device by NATS.
 */
export async function newsFor(
  documents: DocumentService,
  identity: DeviceIdentity,
  applied: DocumentVersion | undefined,
  signal: AbortSignal,
): Promise<CurrentDocument | undefined> {
  const isNewer = (version: DocumentVersion | undefined): boolean =>
    version !== undefined && (applied === undefined || compareVersions(version, applied) > 0);
  if (!isNewer(documents.version(identity))) return undefined;
  const current = await documents.current(identity, { signal });
  return isNewer(current?.document.version) ? current : undefined;
}

/** Models that have a profile but no document: the search was lost, or the model was not served when it was measured. */
export async function askForMissing(
  { profiles, documents, queue }: Pick<FleetParts, "profiles" | "documents" | "queue">,
  { identity, models }: HelloRequest,
  signal: AbortSignal,
): Promise<void> {
  if (documents.version(identity) !== undefined) return;
  for (const { name: model } of models) {
    const facts = profiles.facts({ identity, model })?.value;
    if (facts?.chain === undefined) continue;
    const request = requestOfReport(facts.reports.at(-1) ?? "");
    // It waits for its turn already: the store need not be asked with every hello.
    if (queue.isWaiting({ identity, model }, request)) continue;
    await queue.ask({ identity, model }, { request, actor: "coordinator" }, { signal });
  }
}

/** What the device is to measure. */
export function probesFor(
  {
    profiles,
    priors,
    clock,
    probes,
    sharing,
  }: Pick<FleetParts, "profiles" | "priors" | "clock" | "probes" | "sharing">,
  { identity, models, inventory, profiles: reported }: HelloRequest,
  record: DeviceRecord,
): HelloResponse["probes"] {
  const nowMs = clock.now();
  const states = models.map((model) => {
    const facts = profiles.facts({ identity, model: model.name });
    const { deviceClass } = inventory;
    const reportedAtMs = reported.find((one) => one.model === model.name)?.measuredAtMs;
    const askedAtMs = outstandingProbe(record, model.name, facts?.value.receivedAtMs);
    const isFirst = facts === undefined && reportedAtMs === undefined && askedAtMs === undefined;
    return {
      ...{ model, reportedAtMs, askedAtMs },
      share: isFirst ? sharing.shareFor(record, model) : undefined,
      suggested: priors.suggested({ tenant: identity.tenant, deviceClass, model: model.name }),
      ...(facts === undefined
        ? {}
        : {
            profile: {
              revision: facts.revision,
              ageMs: nowMs - facts.value.receivedAtMs,
              hasChain: facts.value.chain !== undefined,
              measuredAtMs: facts.value.measuredAtMs,
            },
          }),
    };
  });
  const { enrolledAtMs, refreshAskedAtMs } = record;
  return probeOrders({ identity, enrolledAtMs, refreshAskedAtMs }, states, probes);
}

/** Since when a person waits for a model to be measured again; undefined: no one does, or it was. */
export function outstandingProbe(
  { probesAsked = [] }: DeviceRecord,
  model: string,
  receivedAtMs: number | undefined,
): number | undefined {
  const askedAtMs = probesAsked.find((one) => one.model === model)?.askedAtMs;
  return askedAtMs !== undefined && (receivedAtMs ?? 0) < askedAtMs ? askedAtMs : undefined;
}

/** What the coordinator holds of what a device has reported, to be compared with the device's own digest. */
export function heldDigest(
  { profiles, statuses }: Pick<FleetParts, "profiles" | "statuses">,
  { identity, models }: DeviceRecord,
  applied: DocumentVersion | undefined,
): string {
  return reportedDigest({
    models,
    profiles: models.flatMap(({ name: model }) => {
      const facts = profiles.facts({ identity, model })?.value;
      return facts === undefined ? [] : [{ model, measuredAtMs: facts.measuredAtMs }];
    }),
    appliedVersion: applied !== undefined && statuses.hasReported(identity, applied) ? applied : undefined,
  });
}
