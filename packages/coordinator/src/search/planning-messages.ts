import type { MpoError } from "@mpo/core";
import type { Planned, PlanningKind, PlanningTask } from "./planning.ts";

/** To a thread that searches: one task at a time. */
export interface ToPlanner {
  readonly kind: PlanningKind;
  readonly task: PlanningTask;
}

/** What it answers. */
export type FromPlanner =
  | { readonly planned: Planned<PlanningKind> }
  | { readonly error: Pick<MpoError, "code" | "message" | "hint"> };
