import type { UnitAction } from "@mpo/core";

/** Kinds of actions by their number on the wire: `unit * 4 + kind`. */
const KINDS = ["backward", "all", "input", "nothing"] as const;

/** An action in a number: a document holds thousands of them. */
export const unitActionForm: {
  readonly fromWire: (wire: unknown) => unknown;
  readonly toWire: (action: UnitAction) => number;
} = {
  fromWire: (wire) => {
    if (typeof wire !== "number" || !Number.isInteger(wire) || wire < 0) return wire;
    const unit = Math.floor(wire / KINDS.length);
    const kind = KINDS[wire % KINDS.length] as (typeof KINDS)[number];
    return kind === "backward" ? { kind, unit } : { kind: "forward", unit, keep: kind };
  },
  toWire: (action: UnitAction) =>
    action.unit * KINDS.length + KINDS.indexOf(action.kind === "backward" ? "backward" : action.keep),
};
