import { fact } from "../facts/index.ts";
import { shareIn } from "./written-units.ts";

/** A comparison with a number. */
export interface Condition {
  readonly operator: "<" | "<=" | ">" | ">=" | "=";
  readonly value: number;
}

const WRITTEN = /^(<=|>=|<|>|=) ?(-?\d+(?:\.\d+)?(?: ?%)?)$/u;

/** What "<= 5%" or "> 0.8" says; undefined: it is none. */
function conditionIn(text: string): Condition | undefined {
  const [, operator, number = ""] = WRITTEN.exec(text.trim()) ?? [];
  if (operator === undefined) return undefined;
  const isNegative = number.startsWith("-");
  const share = shareIn(number.replace("-", ""));
  const value = number.endsWith("%") ? (share === undefined ? undefined : isNegative ? -share : share) : Number(number);
  // No measurement is kept that is further from 0.
  if (value === undefined || Math.abs(value) > 1e15) return undefined;
  return { operator: operator as Condition["operator"], value };
}

/** "<= 5%". */
export const writtenCondition = fact.readAs(conditionIn, 'a comparison with a number, such as "<= 5%"');

/** Whether a number that was measured fulfils a condition. */
export function fulfils({ operator, value }: Condition, measured: number): boolean {
  switch (operator) {
    case "<":
      return measured < value;
    case "<=":
      return measured <= value;
    case ">":
      return measured > value;
    case ">=":
      return measured >= value;
    case "=":
      return measured === value;
  }
}
