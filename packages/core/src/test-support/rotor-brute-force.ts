import type { UnitAction } from "../facts/retrain-config.ts";
import type { RotorUnit } from "../plan/rotor.ts";

/** All persistent schedules of units `first` to `last`: what is checkpointed stays until its backward. */
export function persistentSchedules(first: number, last: number): readonly (readonly UnitAction[])[] {
  const all = (unit: number): UnitAction => ({ kind: "forward", unit, keep: "all" });
  const back = (unit: number): UnitAction => ({ kind: "backward", unit });
  if (first === last) return [[all(first), back(first)]];
  const found: UnitAction[][] = persistentSchedules(first + 1, last).map((rest) => [all(first), ...rest, back(first)]);
  for (let next = first + 1; next <= last; next++) {
    const sweep = Array.from(
      { length: next - first },
      (_, index): UnitAction => ({ kind: "forward", unit: first + index, keep: index === 0 ? "input" : "nothing" }),
    );
    for (const right of persistentSchedules(next, last)) {
      for (const left of persistentSchedules(first, next - 1)) found.push([...sweep, ...right, ...left]);
    }
  }
  return found;
}

/** Memory (the first unit's input left out) and forward time of a schedule, tensor by tensor. */
export function simulate(
  units: readonly RotorUnit[],
  actions: readonly UnitAction[],
): { readonly peakBytes: number; readonly forwardMs: number } {
  const items = new Map<string, number>();
  const total = (): number => [...items.values()].reduce((sum, bytes) => sum + bytes, 0);
  let peakBytes = 0;
  let forwardMs = 0;
  const first = Math.min(...actions.map(({ unit }) => unit));
  for (const action of actions) {
    const unit = units[action.unit] as RotorUnit;
    const outputItem = `x${action.unit + 1}`;
    const savedItem = `all${action.unit}`;
    if (action.kind === "backward") {
      const own = (items.get(savedItem) ?? 0) + (items.get("gradient") ?? 0);
      peakBytes = Math.max(peakBytes, total() - own + unit.backwardPeakBytes);
      items.delete(savedItem);
      items.set("gradient", unit.inputBytes);
      const before = units[action.unit - 1];
      const inputItem = `x${action.unit}`;
      if (items.has(inputItem)) items.set(inputItem, before?.heldOutputBytes ?? 0);
      continue;
    }
    forwardMs += unit.forwardMs;
    const kept = items.get(outputItem);
    const isAgain = action.keep === "all" && kept !== undefined;
    const peak = isAgain ? unit.againPeakBytes - kept : action.keep === "all" ? unit.keepPeakBytes : unit.dropPeakBytes;
    peakBytes = Math.max(peakBytes, total() + peak);
    if (action.keep === "nothing" && action.unit !== first) items.delete(`x${action.unit}`);
    if (action.keep === "all") {
      items.delete(outputItem);
      items.set(savedItem, unit.savedBytes);
    } else {
      items.set(outputItem, unit.outputBytes);
    }
  }
  return { peakBytes, forwardMs };
}
