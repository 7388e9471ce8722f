export type Order = "=" | "<" | "<=" | ">" | ">=";

/** One question to a device. */
export type Term =
  /** Whether anything is known of an attribute: a list has an item. */
  | { readonly kind: "known"; readonly attribute: string }
  | {
      readonly kind: "compare";
      readonly attribute: string;
      readonly order: Order;
      readonly value: string | number;
      /** The value is a percentage of this one. */
      readonly shareOf?: "memory";
    }
  | { readonly kind: "has"; readonly attribute: string; readonly value: string }
  | { readonly kind: "matches"; readonly attribute: string; readonly glob: string }
  /** Whether a filter that was saved under a name chooses it; no filter: it was not looked up. */
  | { readonly kind: "group"; readonly name: string; readonly filter?: Filter };

/** What chooses devices. `!=` and `in` are made of `not`, `or` and `=`. */
export type Filter =
  | Term
  | { readonly kind: "not"; readonly part: Filter }
  | { readonly kind: "and"; readonly parts: readonly Filter[] }
  | { readonly kind: "or"; readonly parts: readonly Filter[] };

/** All questions that a filter asks, those of its groups too. */
export function* termsOf(filter: Filter): Generator<Term, void, undefined> {
  if (filter.kind === "not") yield* termsOf(filter.part);
  else if (filter.kind === "and" || filter.kind === "or") for (const part of filter.parts) yield* termsOf(part);
  else {
    yield filter;
    if (filter.kind === "group" && filter.filter !== undefined) yield* termsOf(filter.filter);
  }
}
