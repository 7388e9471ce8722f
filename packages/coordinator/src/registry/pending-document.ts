import { formatVersion } from "@mpo/core";
import { type Condition, compareVersions, type DocumentStatus, type DocumentVersion } from "@mpo/protocol";
import type { ShortDocument } from "../documents/document-service.ts";

/** A device that is there takes a document within a heartbeat or two. */
const PENDING_MS = 300_000;

export interface SaidDocuments {
  /** As its heartbeats have it. */
  readonly applied: DocumentVersion | undefined;
  readonly reported: DocumentStatus | undefined;
}

/** Whether a document, or a newer one, has reached its device. */
export function hasArrived(desired: DocumentVersion, { applied, reported }: SaidDocuments): boolean {
  const versions = [applied, ...(reported !== undefined && reported.state !== "accepted" ? [reported.version] : [])];
  return versions.some((version) => version !== undefined && compareVersions(version, desired) >= 0);
}

/** What a person should look at when a document has not been applied for long; empty: it has, or it is soon yet. */
export function pendingCondition(
  desired: ShortDocument | undefined,
  said: SaidDocuments,
  { nowMs, isOnline }: { readonly nowMs: number; readonly isOnline: boolean },
): readonly Condition[] {
  if (desired === undefined || nowMs - desired.issuedAtMs < PENDING_MS || hasArrived(desired.version, said)) return [];
  const next = isOnline ? "see the agent's log" : "the device is offline, and gets it when it is back";
  const message = `configuration ${formatVersion(desired.version)} was pushed and is not applied: ${next}`;
  return [{ code: "document-pending", sinceMs: desired.issuedAtMs, message }];
}
