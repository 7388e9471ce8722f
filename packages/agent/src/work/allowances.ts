import { given, type MethodName, type Prediction, type Window } from "@mpo/core";
import type { DesiredDocument } from "@mpo/protocol";
import type { AgentParts } from "../core/agent-parts.ts";
import { type BudgetFacts, workBudget } from "../policy/budget-policy.ts";
import { allowsMethod, excludedBy, hoursOf, openMs, rungExcess } from "../policy/owner-limits.ts";

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

/** By which methods a document lets its model be adapted, on an agent that may run `own`. */
export function methodsOfDocument(
  { method, rungs }: Pick<DesiredDocument, "method" | "rungs">,
  own: readonly MethodName[],
): readonly MethodName[] {
  const ofRungs = [...new Set(rungs.flatMap((rung) => rung.method ?? []))];
  return method !== undefined ? [method] : ofRungs.length > 0 ? ofRungs : own;
}

/** Methods by which a model is measured here: the agent's, as far as the owner allows them, or one that its document wants. */
export function measuredMethods(
  parts: Pick<Facts, "settings" | "limits" | "store">,
  model: string,
): readonly MethodName[] {
  const { method } = documentFor(parts, model) ?? {};
  const { methods } = parts.settings;
  return method !== undefined && !methods.includes(method) ? [method] : ownMethods(parts);
}

/** Methods that the agent may run: all that it was started with, where the owner allows none of them. */
export function ownMethods({ settings, limits }: Pick<Facts, "settings" | "limits">): readonly MethodName[] {
  const allowed = settings.methods.filter((method) => allowsMethod(limits.limits, method));
  return allowed.length > 0 ? allowed : settings.methods;
}

/**
 * The method by which a rung runs: its own, else its document's, else the agent's. Of several, where neither says (a
 * coordinator of an earlier release), it is the one that memory and time were measured under: that one's ladder it is.
 */
export function methodFor(
  parts: Omit<Facts, "time" | "inventory">,
  model: string,
  rung: Pick<Prediction, "method">,
): MethodName {
  const methods = ownMethods(parts);
  const measured = methods.find((method) => method === parts.memory.state.probes[model]?.method);
  return rung.method ?? documentFor(parts, model)?.method ?? measured ?? (methods.at(-1) as MethodName);
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
  const document = documentFor(parts, model);
  const own = ownMethods(parts);
  const methods = document === undefined ? own : methodsOfDocument(document, own);
  const excluded = excludedBy(parts.limits.limits, { model, methods });
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
