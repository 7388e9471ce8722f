import { type Chain, type Checkpoints, MpoError, type UnitAction } from "../facts/index.ts";

/** The unit actions of one step under a checkpoint choice. Throws `invalid-argument` for boundaries that do not exist. */
export function unitSchedule(chain: Chain, checkpoints: Checkpoints): readonly UnitAction[] {
  const unitCount = chain.units.length;
  switch (checkpoints.kind) {
    case "none":
      return scheduleOfSegments([0], unitCount);
    case "uniform":
      return scheduleOfSegments(uniformBoundaries(unitCount, checkpoints.segments), unitCount);
    case "boundaries":
      return scheduleOfSegments(checkedBoundaries(checkpoints.at, unitCount), unitCount);
    case "schedule":
      checkSchedule(checkpoints.actions, unitCount);
      return checkpoints.actions;
  }
}

/** First units of `segments` segments of nearly equal unit count; never more segments than units. */
export function uniformBoundaries(unitCount: number, segments: number): readonly number[] {
  const count = Math.min(segments, unitCount);
  return Array.from({ length: count }, (_, segment) => Math.floor((segment * unitCount) / count));
}

/**
 * Segments start at the given units. All but the last are run keeping only their input; the last keeps everything;
 * then each segment, from the back, runs again keeping everything and goes backward.
 */
function scheduleOfSegments(starts: readonly number[], unitCount: number): readonly UnitAction[] {
  const actions: UnitAction[] = [];
  const segments = starts.map((from, index) => ({ from, to: starts[index + 1] ?? unitCount }));
  segments.forEach(({ from, to }, index) => {
    const isLast = index === segments.length - 1;
    for (let unit = from; unit < to; unit++) {
      actions.push({ kind: "forward", unit, keep: isLast ? "all" : unit === from ? "input" : "nothing" });
    }
  });
  for (let index = segments.length - 1; index >= 0; index--) {
    const { from, to } = segments[index] as { from: number; to: number };
    if (index < segments.length - 1) {
      for (let unit = from; unit < to; unit++) actions.push({ kind: "forward", unit, keep: "all" });
    }
    for (let unit = to - 1; unit >= from; unit--) actions.push({ kind: "backward", unit });
  }
  return actions;
}

function checkedBoundaries(at: readonly number[], unitCount: number): readonly number[] {
  for (const unit of at) {
    if (!Number.isInteger(unit) || unit < 0 || unit >= unitCount) {
      throw new MpoError(
        "invalid-argument",
        `checkpoints.at has ${unit}; this model's units are 0 to ${unitCount - 1}`,
      );
    }
  }
  return [...new Set([0, ...at])].sort((left, right) => left - right);
}

/** A schedule must be runnable: every unit goes backward exactly once, last to first, after a forward that kept all. */
function checkSchedule(actions: readonly UnitAction[], unitCount: number): void {
  const fail = (index: number, what: string): never => {
    throw new MpoError("invalid-argument", `checkpoints.actions[${index}]: ${what}`);
  };
  let nextBackward = unitCount - 1;
  /** Units whose input is in memory right now. */
  const hasInput = new Set<number>([0]);
  const hasAll = new Set<number>();
  actions.forEach((action, index) => {
    if (!Number.isInteger(action.unit) || action.unit < 0 || action.unit >= unitCount) {
      fail(index, `unit ${action.unit} does not exist; this model's units are 0 to ${unitCount - 1}`);
    }
    if (action.kind === "forward") {
      if (!hasInput.has(action.unit)) fail(index, `unit ${action.unit} runs forward, but its input is not in memory`);
      if (action.keep === "nothing" && action.unit !== 0) hasInput.delete(action.unit);
      if (action.keep === "all") hasAll.add(action.unit);
      hasInput.add(action.unit + 1);
      return;
    }
    if (action.unit !== nextBackward) fail(index, `unit ${action.unit} goes backward, expected unit ${nextBackward}`);
    if (!hasAll.has(action.unit)) fail(index, `unit ${action.unit} goes backward before a forward that keeps all`);
    nextBackward -= 1;
  });
  if (nextBackward !== -1) {
    throw new MpoError("invalid-argument", `checkpoints.actions ends before unit ${nextBackward} has gone backward`);
  }
}
