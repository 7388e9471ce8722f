import { given, type Prediction, type Window } from "@mpo/core";
import type { DesiredDocument } from "@mpo/protocol";
import type { AgentParts } from "../core/agent-parts.ts";
import { type BudgetFacts, workBudget } from "../policy/budget-policy.ts";
import { excludedBy, hoursOf, openMs, rungExcess } from "../policy/owner-limits.ts";

type Facts = Pick<AgentParts, "settings" | "memory" | "inventory" | "limits" | "time" | "store">;

/** The document in use, where it is for a model. */
function documentFor({ store }: Pick<Facts, "store">, model: string): DesiredDocument | undefined {
  return store.document?.model === model ? store.document : undefined;
}

/** What the budget of work on a model stands on. */
export function budgetFacts(
  parts: Pick<Facts, "memory" | "inventory" | "limits" | "store">,
  model: string,
): BudgetFacts {
  const idle = parts.memory.state.probes[model]?.workerIdleBytes ?? 0;
  const { memoryBytes: limitBytes } = parts.limits.limits;
  const reserveBytes = documentFor(parts, model)?.reserveBytes;
  const workerIdleBytes = idle > 0 ? idle : undefined;
  return { totalBytes: parts.inventory.memoryBytes, ...given({ workerIdleBytes, limitBytes, reserveBytes }) };
}

/** What the processes that work on a model take before the first step, bytes. */
export function idleBytesOf(parts: Omit<Facts, "time">, model: string): number {
  return budgetFacts(parts, model).workerIdleBytes ?? parts.settings.budget.workerIdleBytes;
}

/** What work on a model may take now, above an idle worker. */
export async function freeBytesFor(
  parts: Omit<Facts, "time"> & Pick<AgentParts, "ports">,
  model: string,
): Promise<number> {
  const resources = await parts.ports.monitor.resources();
  return workBudget(parts.settings.budget, resources, budgetFacts(parts, model)).memoryBytes;
}

/** How a model is adapted here. */
export function methodFor(parts: Pick<Facts, "settings" | "store">, model: string): string {
  return documentFor(parts, model)?.method ?? parts.settings.method;
}

/** For how much longer work on a model may go on, by the owner's hours and the document's. */
function openFor(parts: Pick<Facts, "limits" | "time" | "store">, model: string): number {
  const nowMs = parts.time.nowMs();
  const hours = hoursOf(documentFor(parts, model) ?? {});
  return Math.min(openMs(parts.limits.limits, nowMs), openMs(given({ hours }), nowMs));
}

/** Whether the owner allows a rung of a model. */
export function allowedRungs(parts: Facts, model: string): (rung: Prediction) => boolean {
  const idleBytes = idleBytesOf(parts, model);
  return (rung) => rungExcess(parts.limits.limits, rung, idleBytes) === undefined;
}

/** Whether the owner, and the document in use, allow work on a model now. */
export function isAllowedNow(parts: Omit<Facts, "memory" | "inventory">, model: string): boolean {
  const excluded = excludedBy(parts.limits.limits, { model, method: methodFor(parts, model) });
  return excluded === undefined && openFor(parts, model) > 0;
}

/** How long a window of a document may take, and with which rungs, by the owner's limits too. */
export function allowedWindow(
  parts: Facts,
  { model, budget }: DesiredDocument,
): Pick<Window, "windowMs" | "isAllowed"> {
  const { windowMs = budget.windowMs } = parts.limits.limits;
  return {
    windowMs: Math.min(budget.windowMs, windowMs, openFor(parts, model)),
    isAllowed: allowedRungs(parts, model),
  };
}
