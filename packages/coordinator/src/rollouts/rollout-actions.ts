import { type DeviceProgress, formatVersion, type RolloutSpec, withGiven } from "@mpo/core";
import { ifFound } from "@mpo/io";
import type { DeviceIdentity, DocumentVersion, Reason } from "@mpo/protocol";
import type { StoreCallOptions } from "@mpo/transport";
import type { DocumentService } from "../documents/document-service.ts";
import { contentOf } from "../documents/make-document.ts";
import { isGivenBack, requestOfTurn } from "../documents/requests.ts";
import type { StatusService } from "../registry/status-service.ts";
import { measuredBy, reason } from "../search/planned-ladder.ts";
import type { SearchService } from "../search/search-service.ts";
import { decodeContent } from "./plan-parts.ts";
import type { PlanPart } from "./rollout-record.ts";

export interface ActionParts {
  readonly documents: Pick<DocumentService, "find" | "newest">;
  readonly statuses: Pick<StatusService, "of" | "lastGood">;
  readonly searches: Pick<SearchService, "give" | "answer">;
  readonly onPushed: () => void;
}

/** One device's turn. */
export interface Turn {
  readonly tenant: string;
  readonly spec: RolloutSpec;
  readonly plan: string;
  readonly progress: DeviceProgress;
}

/** Gives a device its change, once for each attempt. The result is how far it is with it. */
export async function giveChange(
  { searches, statuses, onPushed }: ActionParts,
  { tenant, spec: { name }, plan, progress }: Turn,
  { part, at }: { readonly part: PlanPart; readonly at: number },
  options: StoreCallOptions,
): Promise<DeviceProgress> {
  const { device, attempts, wave } = progress;
  const identity = { tenant, device };
  const planned = part.devices[at] as PlanPart["devices"][number];
  const content = decodeContent(part.contents[planned.content] as string);
  const { measured, profileOf } = planned;
  const reasons: readonly Reason[] = [
    reason("rollout", `${name}, wave ${wave + 1}`),
    ...(profileOf === undefined ? [] : [reason("profile-of", `predicted from the profile of ${profileOf}`)]),
    ...content.reasons,
    ...measuredBy(measured?.report),
  ];
  const request = requestOfTurn({ name, plan }, "give", attempts);
  // Who led before, and is only slow, may still be at it.
  const isOvertakenBy = (newer: string): boolean => isGivenBack(newer, plan, attempts);
  const gift = { request, isOvertakenBy, content: { ...content, reasons } };
  const { document, before } = await searches.give(identity, gift, options);
  onPushed();
  const given = withGiven(progress, document.version);
  // What it ran before its first change is what it is given back.
  if (attempts > 1 || before === undefined) return given;
  const { before: _, ...rest } = given;
  const good = goodBefore(statuses, identity, before);
  return good === undefined ? rest : { ...rest, before: good };
}

/** A document that failed or was refused is not what a device ran. Undefined: it ran none that is known to be good. */
function goodBefore(
  statuses: ActionParts["statuses"],
  identity: DeviceIdentity,
  before: DocumentVersion,
): DocumentVersion | undefined {
  const state = statuses.of(identity, before)?.state;
  return state === "failed" || state === "refused" ? statuses.lastGood(identity, before) : before;
}

/** Gives a device back what it ran before; one that ran nothing gets what the coordinator's own search finds. */
export async function takeChangeBack(
  { documents, searches, onPushed }: ActionParts,
  { tenant, spec: { name, model }, plan, progress }: Turn,
  options: StoreCallOptions,
): Promise<DeviceProgress> {
  const { device, attempts, before } = progress;
  const identity = { tenant, device };
  const request = requestOfTurn({ name, plan }, "take-back", attempts);
  const old = before === undefined ? undefined : await ifFound(documents.find(identity, before, options));
  if (old === undefined) {
    const reasons = [reason("rollback", `what rollout ${name} has changed is not kept`)];
    const name_ = { identity, model };
    const { document } = await searches.answer({ name: name_, request, reasons, isFresh: true }, options);
    onPushed();
    return withGiven(progress, document.version);
  }
  // It ran well: it is not checked again.
  const { check: _, ...content } = contentOf(old);
  const reasons = [
    reason("rollback", `the content of ${formatVersion(old.version)}, before rollout ${name}`),
    ...content.reasons,
  ];
  const { document } = await searches.give(identity, { request, content: { ...content, reasons } }, options);
  onPushed();
  return withGiven(progress, document.version);
}
