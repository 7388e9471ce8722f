import { methodsOf } from "@mpo/core";
import type { DesiredDocument } from "@mpo/protocol";
import type { StoreCallOptions } from "@mpo/transport";
import { isOfReport, rolloutOf } from "../documents/requests.ts";
import type { ProfileName, ProfileService } from "../profiles/profile-service.ts";
import type { Registry } from "../registry/registry.ts";
import type { StatusService } from "../registry/status-service.ts";

/**
 * Whether a search that nobody asked for leaves a document as it is: its configuration was given for the model that the
 * device serves, or it is for a method that the profile says nothing of.
 */
export async function stays(
  { registry, profiles }: { readonly registry: Registry; readonly profiles: ProfileService },
  { identity, model }: ProfileName,
  { isFixed = false, method, ...document }: DesiredDocument,
  options: StoreCallOptions,
): Promise<boolean> {
  if (!isFixed && (method === undefined || document.model !== model)) return false;
  const { models } = await registry.required(identity, options);
  const isServed = models.some(
    ({ name, manifestDigest }) => name === document.model && manifestDigest === document.manifestDigest,
  );
  if (isFixed || !isServed) return isServed;
  const found = await profiles.load({ identity, model }, options);
  return found !== undefined && (method === undefined || !methodsOf(found.request.profile).includes(method));
}

/** Whether a rollout waits for a check of a document: what takes its place by itself is to be checked instead. */
export function isUnchecked(statuses: Pick<StatusService, "of">, document: DesiredDocument | undefined): boolean {
  if (document?.check !== true) return false;
  const { request } = document;
  if (rolloutOf(request) === undefined && !isOfReport(request)) return false;
  return statuses.of(document, document.version)?.state !== "confirmed";
}
