import { attributeOf, factOf, type SelectionFacts } from "./attributes.ts";
import { compareReleases } from "./compare-releases.ts";
import type { Filter, Order, Term } from "./filter.ts";
import { matchesGlob } from "./glob.ts";

/** Whether a filter chooses a device. Of what is not known every question is answered with no. */
export function matches(filter: Filter, facts: SelectionFacts): boolean {
  if (filter.kind === "and") return filter.parts.every((part) => matches(part, facts));
  if (filter.kind === "or") return filter.parts.some((part) => matches(part, facts));
  if (filter.kind === "not") return !matches(filter.part, facts);
  if (filter.kind === "group") return filter.filter !== undefined && matches(filter.filter, facts);
  return answer(filter, facts);
}

function answer(term: Exclude<Term, { readonly kind: "group" }>, facts: SelectionFacts): boolean {
  const found = factOf(facts, term.attribute);
  if (found === undefined) return false;
  switch (term.kind) {
    case "known":
      return typeof found === "number" || found.length > 0;
    case "has":
      return Array.isArray(found) && found.includes(term.value);
    case "matches":
      return [found].flat().some((one) => matchesGlob(String(one), term.glob));
    case "compare":
      return compare(term, found as string | number, facts);
  }
}

function compare(
  { attribute, order, value, shareOf }: Extract<Term, { readonly kind: "compare" }>,
  found: string | number,
  facts: SelectionFacts,
): boolean {
  if (typeof value === "number") {
    const whole = shareOf === undefined ? 100 : (facts[shareOf] ?? Number.NaN);
    return isIn(order, Number(found) - (value * whole) / 100);
  }
  if (found === value) return order === "=" || order.endsWith("=");
  return attributeOf(attribute)?.kind === "version" && isIn(order, compareReleases(String(found), value));
}

function isIn(order: Order, difference: number): boolean {
  switch (order) {
    case "=":
      return difference === 0;
    case "<":
      return difference < 0;
    case "<=":
      return difference <= 0;
    case ">":
      return difference > 0;
    case ">=":
      return difference >= 0;
  }
}
