import type { DocumentVersion } from "@mpo/protocol";

/** What documents say that they answer: how it is written, and what it says to those who go by it. */

/** The search after a report. */
export function requestOfReport(report: string): string {
  return `report ${report}`;
}

/** The same content again, above a version that the device knows: an older store was put back. */
export function requestOfRaise({ epoch, version }: DocumentVersion): string {
  return `raise-${epoch}-${version}`;
}

/** What a device runs goes on, above what it knows: the store that was put back does not know it. */
export function requestOfKept({ epoch, version }: DocumentVersion): string {
  return `keep-${epoch}-${version}`;
}

/** The same content again, signed by the keys of an epoch. */
export function requestOfKeys(epoch: number): string {
  return `keys-${epoch}`;
}

/** A rollout's change, or (`take-back`) what it gives back: by the plan, so that another of its name is another. */
export function requestOfTurn(
  { name, plan }: { readonly name: string; readonly plan: string },
  kind: "give" | "take-back",
  attempt: number,
): string {
  return `rollout ${name}/${kind === "give" ? "" : "back-"}${attempt}#${plan}`;
}

/** Whether a request has given back what a plan had changed in an attempt, or in a later one. */
export function isGivenBack(request: string, plan: string, attempt: number): boolean {
  const [, of = ""] = /^rollout [^/]+\/back-(\d+)#/u.exec(request) ?? [];
  return isOfPlan(request, plan) && Number(of) >= attempt;
}

/** Whether a request is one of a plan. */
export function isOfPlan(request: string, plan: string): boolean {
  return request.startsWith("rollout ") && request.endsWith(`#${plan}`);
}

/** The rollout that a request is of; undefined: of none. */
export function rolloutOf(request: string): string | undefined {
  return /^rollout ([^/]+)\//u.exec(request)?.[1];
}

/** Whether a device knew a newer document than the store: an older copy of it was put back. */
export function isRaised(request: string): boolean {
  return request.startsWith("raise-") || request.startsWith("keep-");
}

/** Whether it is the search after a report. */
export function isOfReport(request: string): boolean {
  return request.startsWith("report ");
}

/** Whether nobody has decided on a document anew: the same content again, or a search for what was asked before. */
export function isContinued(request: string): boolean {
  return request.startsWith("raise-") || request.startsWith("keys-") || isOfReport(request);
}
