import { formatVersion } from "@mpo/core";
import type { ReportStatusRequest } from "@mpo/protocol";

/** What a status report is in the list of events. */
export function statusEvent({ status }: ReportStatusRequest): { readonly kind: string; readonly message: string } {
  if (status.kind === "document") {
    const { version, state, rung, message } = status.document;
    const inUse = rung === undefined ? "" : `, rung ${rung}`;
    return { kind: `document-${state}`, message: `${formatVersion(version)}${inUse} ${message}`.trim() };
  }
  if (status.kind === "probe") {
    const { model, failures, message } = status.probe;
    return { kind: "probe-failed", message: `${model}, ${failures} in a row: ${message}` };
  }
  if (status.kind === "drift") {
    return { kind: "drift-seen", message: `${status.drift.model}: ${status.drift.message}` };
  }
  const { window, outcome, message, document, start } = status.window;
  // A check is of a document: which one is what people look for.
  const under = outcome === "checked" && document !== undefined ? `, of ${formatVersion(document)}:` : "";
  const from = start?.isTaken === true ? `, from what ${start.device} has learned (${start.adaptation}):` : "";
  return { kind: `window-${outcome}`, message: `${window}${under}${from} ${message}`.trim() };
}
