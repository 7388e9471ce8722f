import { given, type Prediction, type Window } from "@mpo/core";
import type { DesiredDocument } from "@mpo/protocol";
import type { AgentParts } from "../core/agent-parts.ts";
import type { BudgetFacts } from "../policy/budget-policy.ts";
import { excludedBy, openMs, rungExcess } from "../policy/owner-limits.ts";

type Facts = Pick<AgentParts, "settings" | "memory" | "inventory" | "limits" | "time">;

/** What the budget of work on a model stands on. */
export function budgetFacts(
  { memory, inventory, limits }: Pick<Facts, "memory" | "inventory" | "limits">,
  model: string,
): BudgetFacts {
  const idle = memory.state.probes[model]?.workerIdleBytes ?? 0;
  const { memoryBytes: limitBytes } = limits.limits;
  return { totalBytes: inventory.memoryBytes, ...given({ workerIdleBytes: idle > 0 ? idle : undefined, limitBytes }) };
}

/** What the processes that work on a model take before the first step, bytes. */
export function idleBytesOf(parts: Omit<Facts, "time">, model: string): number {
  return budgetFacts(parts, model).workerIdleBytes ?? parts.settings.budget.workerIdleBytes;
}

/** Whether the owner allows a rung of a model. */
export function allowedRungs(parts: Facts, model: string): (rung: Prediction) => boolean {
  const idleBytes = idleBytesOf(parts, model);
  return (rung) => rungExcess(parts.limits.limits, rung, idleBytes) === undefined;
}

/** Whether the owner allows work on a model now. */
export function isAllowedNow(parts: Omit<Facts, "memory" | "inventory">, model: string): boolean {
  const { limits } = parts.limits;
  const { method } = parts.settings;
  return excludedBy(limits, { model, method }) === undefined && openMs(limits, parts.time.nowMs()) > 0;
}

/** How long a window of a document may take, and with which rungs, by the owner's limits too. */
export function allowedWindow(
  parts: Facts,
  { model, budget }: DesiredDocument,
): Pick<Window, "windowMs" | "isAllowed"> {
  const { limits } = parts.limits;
  const windowMs = Math.min(budget.windowMs, limits.windowMs ?? budget.windowMs, openMs(limits, parts.time.nowMs()));
  return { windowMs, isAllowed: allowedRungs(parts, model) };
}
