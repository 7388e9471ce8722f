import type { UnitAction } from "@mpo/core";
import type { Random } from "@mpo/datasets";

/**
 * A random schedule of the kind that the rotor recurrence yields: a range of units either continues with everything of
 * its first unit kept, or with its input only, and then runs again up to where the rest began.
 */
export function randomSchedule(unitCount: number, random: Random): readonly UnitAction[] {
  const actions: UnitAction[] = [];
  const rangeFrom = (from: number, to: number): void => {
    if (to - from === 1 || random.uniform() < 0.4) {
      actions.push({ kind: "forward", unit: from, keep: "all" });
      if (to - from > 1) rangeFrom(from + 1, to);
      actions.push({ kind: "backward", unit: from });
      return;
    }
    const split = from + 1 + random.integer(to - from - 1);
    for (let unit = from; unit < split; unit++) {
      actions.push({ kind: "forward", unit, keep: unit === from ? "input" : "nothing" });
    }
    rangeFrom(split, to);
    rangeFrom(from, split);
  };
  rangeFrom(0, unitCount);
  return actions;
}
