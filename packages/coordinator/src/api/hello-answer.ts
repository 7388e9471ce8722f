import {
  compareVersions,
  type DeviceIdentity,
  type DocumentVersion,
  type HelloRequest,
  type HelloResponse,
} from "@mpo/protocol";
import type { CurrentDocument, DocumentService } from "../documents/document-service.ts";
import { probeOrders } from "../probes/probe-orders.ts";
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

/** What the device shall measure. */
export function probesFor(
  { profiles, priors, clock, probes }: Pick<FleetParts, "profiles" | "priors" | "clock" | "probes">,
  { identity, models, inventory }: HelloRequest,
): HelloResponse["probes"] {
  const nowMs = clock.now();
  const states = models.map((model) => {
    const facts = profiles.facts({ identity, model: model.name });
    const { deviceClass } = inventory;
    return {
      model,
      suggested: priors.suggested({ tenant: identity.tenant, deviceClass, model: model.name }),
      ...(facts === undefined
        ? {}
        : {
            profile: {
              revision: facts.revision,
              ageMs: nowMs - facts.value.receivedAtMs,
              hasChain: facts.value.chain !== undefined,
            },
          }),
    };
  });
  return probeOrders(identity, states, probes);
}

/** The request for the search after a report. */
export function requestOfReport(report: string): string {
  return `report ${report}`;
}
