import type { Prediction } from "../facts/index.ts";
import { type InfeasibleConfigs, isFeasible } from "./infeasible-configs.ts";

export interface RungChoice {
  /** Cheapest memory first. */
  readonly rungs: readonly Prediction[];
  /** The highest rung that may be taken: what the coordinator chose. */
  readonly chosenRung: number;
  /** Free now, above an idle worker. */
  readonly memoryBytes: number;
  readonly infeasible: InfeasibleConfigs;
  /** Whether a rung may run at all; default: each. */
  readonly isAllowed?: ((rung: Prediction) => boolean) | undefined;
  /** The rung in use; undefined: none. */
  readonly current?: number | undefined;
}

/** Going up needs this much more memory than the rung's bound: free memory wavers. */
const ROOM_TO_CLIMB = 1.1;

/**
 * The rung to use now: the highest up to the chosen one whose bound fits and that has not failed in this much memory. Down
 * at once, up only with room to spare, so that the choice does not waver with the memory. Undefined: none fits.
 */
export function chooseRung(choice: RungChoice): number | undefined {
  const { rungs, chosenRung, memoryBytes, infeasible, isAllowed, current } = choice;
  for (let index = Math.min(chosenRung, rungs.length - 1); index >= 0; index--) {
    const rung = rungs[index]!;
    if (isAllowed?.(rung) === false) continue;
    const isClimb = current !== undefined && index > current;
    const needed = rung.memoryBytes.upper * (isClimb ? ROOM_TO_CLIMB : 1);
    if (needed <= memoryBytes && isFeasible(infeasible, rung.config, memoryBytes)) return index;
  }
  return undefined;
}

/** Whether every rung that may run has failed in the memory that the document was made for: waiting for memory does not help. */
export function isHopeless(
  choice: Pick<RungChoice, "rungs" | "chosenRung" | "infeasible" | "isAllowed">,
  budgetBytes: number,
): boolean {
  const usable = choice.rungs.slice(0, choice.chosenRung + 1).filter((rung) => choice.isAllowed?.(rung) !== false);
  return usable.length > 0 && usable.every(({ config }) => !isFeasible(choice.infeasible, config, budgetBytes));
}
