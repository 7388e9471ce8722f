import type { AffineBytes, UnitAction } from "../facts/index.ts";
import type { UnitCosts } from "./plan-unit.ts";

/** A tensor that holds the value between two units, from the action that makes it to the last that reads it. */
export interface BoundaryVersion {
  readonly bytes: AffineBytes;
  /** Index of the action; -1: nothing reads it. */
  readonly lastUse: number;
}

export interface ResolvedForward {
  readonly kind: "forward";
  readonly unit: number;
  readonly keepsAll: boolean;
  /** The unit's output is still there from before. */
  readonly isAgain: boolean;
  readonly isFirstRun: boolean;
  readonly input: number;
  readonly output: number;
  /** A backward action reads what it saves. */
  readonly saves: boolean;
  /** False when nothing reads its results: a plan leaves such a recompute out. */
  readonly isNeeded: boolean;
}

export interface ResolvedBackward {
  readonly kind: "backward";
  readonly unit: number;
  /** Versions of the unit's input and output that its backward pass reads; -1: reads none. */
  readonly input: number;
  readonly output: number;
}

export interface ResolvedLoss {
  readonly kind: "loss";
  readonly logits: number;
}

export type ResolvedAction = ResolvedForward | ResolvedBackward | ResolvedLoss;

export interface ResolvedSchedule {
  readonly actions: readonly ResolvedAction[];
  /** Version 0 is the model's input, which stays. */
  readonly versions: readonly BoundaryVersion[];
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** Says which tensor each action of a schedule reads and writes between units, as `planStep` decides it. */
export function resolveSchedule(costs: readonly UnitCosts[], actions: readonly UnitAction[]): ResolvedSchedule {
  const last = costs.length;
  const versions: Draft<BoundaryVersion>[] = [];
  const addVersion = (bytes: AffineBytes): number => versions.push({ bytes, lastUse: -1 }) - 1;
  const current: number[] = new Array<number>(last + 1).fill(-1);
  current[0] = addVersion(costs[0]!.inputBytes);
  const savedInput = costs.map(() => -1);
  const savedOutput = costs.map(() => -1);
  const savedBy: (Draft<ResolvedForward> | undefined)[] = costs.map(() => undefined);
  const hasRun = costs.map(() => false);
  const resolved: Draft<ResolvedAction>[] = [];
  let isLossDone = false;

  for (const action of actions) {
    const { unit } = action;
    const cost = costs[unit]!;
    if (action.kind === "forward") {
      const input = current[unit]!;
      const kept = current[unit + 1]!;
      const keepsAll = action.keep === "all";
      const isAgain = keepsAll && kept !== -1;
      const makesOutput = kept === -1 || (isAgain && cost.remakesOutput);
      const output = makesOutput ? addVersion(cost.outputBytes) : kept;
      const isFirstRun = !hasRun[unit];
      const forward: Draft<ResolvedForward> = {
        kind: "forward",
        unit,
        keepsAll,
        isAgain,
        isFirstRun,
        input,
        output,
        saves: false,
        isNeeded: isFirstRun,
      };
      resolved.push(forward);
      hasRun[unit] = true;
      current[unit + 1] = output;
      if (keepsAll) {
        savedInput[unit] = input;
        savedOutput[unit] = output;
        savedBy[unit] = forward;
      }
      if (action.keep === "nothing" && unit !== 0) current[unit] = -1;
      continue;
    }
    if (!isLossDone) resolved.push({ kind: "loss", logits: current[last]! });
    isLossDone = true;
    const by = savedBy[unit];
    if (by !== undefined) by.saves = cost.hasBackward;
    resolved.push({
      kind: "backward",
      unit,
      input: cost.hasBackward && cost.readsInput ? savedInput[unit]! : -1,
      output: cost.hasBackward && cost.readsOutput ? savedOutput[unit]! : -1,
    });
    current[unit + 1] = -1;
  }
  markUses(costs, resolved, versions);
  versions[0]!.lastUse = Number.POSITIVE_INFINITY;
  return { actions: resolved, versions };
}

/** From the back: an action is needed if something needed reads its output, or a backward pass what it saved. */
function markUses(
  costs: readonly UnitCosts[],
  actions: readonly Draft<ResolvedAction>[],
  versions: readonly Draft<BoundaryVersion>[],
): void {
  const use = (id: number, index: number): void => {
    const version = versions[id];
    if (version !== undefined && version.lastUse < index) version.lastUse = index;
  };
  for (let index = actions.length - 1; index >= 0; index--) {
    const action = actions[index]!;
    if (action.kind === "loss") {
      use(action.logits, index);
    } else if (action.kind === "backward") {
      use(action.input, index);
      use(action.output, index);
    } else {
      const { again } = costs[action.unit]!.work;
      const output = versions[action.output]!;
      const hasWork = !action.isAgain || again.length > 0;
      action.isNeeded ||= hasWork && (action.saves || (!action.isAgain && output.lastUse > index));
      if (action.isNeeded) use(action.input, index);
    }
  }
}
